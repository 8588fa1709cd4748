"""Decoding latents to sound patch after patch, without doing the same work at each.

The package works out the normalised weights of its VAE again for each patch, and its first two generations decode the
two patches before it again as well. And PyTorch's transposed convolution walks across its weights in the wrong
direction when a patch is this short, which on a processor takes most of the time. Knows the package's AudioVAE and
nothing else.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import ConvTranspose1d, Parameter
from torch.nn.utils import remove_weight_norm

from voxdemo.model_support.process_wide import quiet


def settle(vae: Any) -> None:
    """Work out the normalised weights of a loaded AudioVAE once; its sound stays the same bit by bit."""
    for module in vae.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)
            module.weight.requires_grad_(False)


def rearrange(vae: Any) -> None:
    """Let a settled AudioVAE decode faster on a processor; its sound stays the same but for rounding."""
    for module in vae.decoder.modules():
        if isinstance(module, ConvTranspose1d):
            module.weight = Parameter(_RowsFirst.of(module.weight.detach()), requires_grad=False)


class ContinuingDecoder:
    """Stands in for the `decode` of a first generation's AudioVAE whose weights are still to come.

    It goes on where the patch before ended, by the decoder of the third generation: without the conditioning that it
    also has, that is the same network, and takes the same weights. The sound is that of decoding everything at once.
    Threading: one thread's, one utterance at a time.
    """

    def __init__(self, vae: Any, patch_size: int) -> None:
        from voxcpm.modules.audiovae import audio_vae_v2

        with torch.device("meta"), quiet():
            vae.decoder = audio_vae_v2.CausalDecoder(
                vae.latent_dim,
                vae.decoder_dim,
                vae.decoder_rates,
                depthwise=vae.depthwise,
                use_noise_block=vae.use_noise_block,
            ).eval()
        self._decoder = vae.decoder
        self._memory = audio_vae_v2.StreamingVAEDecoder(vae)
        self._patch_size = patch_size
        self._seen: Any = None

    def __call__(self, latents: Any) -> Any:
        """The sound that ends with the last patch of `latents`, shape [1, dimensions, time].

        Unless the patches before it are those of the call before, a new utterance begins.
        """
        follows = self._follows(latents[..., : -self._patch_size])
        self._seen = latents
        if follows:
            return self._decoder(latents[..., -self._patch_size :])
        self._memory.__exit__()
        self._memory.__enter__()
        return self._decoder(latents)

    def _follows(self, context: Any) -> bool:
        length = context.shape[-1]
        return self._seen is not None and length > 0 and torch.equal(context, self._seen[..., -length:])


class _RowsFirst(torch.Tensor):
    """The weights of a transposed convolution, shape [in, out, kernel], that lie in memory as [out, kernel, in]."""

    @classmethod
    def of(cls, weight: torch.Tensor) -> _RowsFirst:
        return weight.permute(1, 2, 0).contiguous().permute(2, 0, 1).as_subclass(cls)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.conv_transpose1d:
            plain: list[Any] = [part.as_subclass(torch.Tensor) if isinstance(part, cls) else part for part in args]
            return _transposed_convolution(*plain) if _is_the_vaes(*plain) else torch.conv_transpose1d(*plain)
        inherited: Any = super().__torch_function__
        return inherited(func, types, args, kwargs or {})


def _is_the_vaes(
    values: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> bool:
    kernel = weight.shape[2] == 2 * stride[0] and tuple(dilation) == (1,)
    return kernel and bias is not None and len(values) == groups == 1 and not any((*padding, *output_padding))


def _transposed_convolution(values: Any, weight: Any, bias: Any, stride: Any, *_: Any) -> Any:
    """As torch.conv_transpose1d for one item and a kernel of two strides: each step's sound overlaps the next one's."""
    wide, out, kernel = weight.shape
    steps = values.shape[-1]
    made = (weight.permute(1, 2, 0).reshape(out * kernel, wide) @ values[0]).view(out, 2, stride[0], steps)
    sound = values.new_zeros(out, steps + 1, stride[0])
    sound[:, :steps] = made[:, 0].transpose(1, 2)
    sound[:, 1:] += made[:, 1].transpose(1, 2)
    return sound.view(1, out, -1) + bias[:, None]
