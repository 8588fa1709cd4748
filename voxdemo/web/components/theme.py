"""Gradio's theme in our colours and sizes.

The colours themselves, light and dark, are in `assets/shell/tokens.css`. They come with the theme, as all of the
login's look does: what stands in the page's head is for those that are in.
"""

from collections.abc import Mapping, Sequence

import gradio as gr

from voxdemo.web.components.assets import asset

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
"""Of the visitor's own system: a web font would be fetched from somebody else's server."""

_COLOURS = {
    "bg": ["body_background_fill"],
    "surface": [
        "background_fill_primary", "block_label_background_fill", "input_background_fill",
        "input_background_fill_focus", "button_secondary_background_fill", "button_cancel_background_fill",
        "checkbox_background_color", "checkbox_label_background_fill", "panel_background_fill",
    ],
    "sunken": [
        "background_fill_secondary", "button_secondary_background_fill_hover", "checkbox_label_background_fill_hover",
    ],
    "line": ["block_border_color", "border_color_primary", "panel_border_color"],
    "edge": [
        "input_border_color", "button_secondary_border_color", "checkbox_border_color", "checkbox_label_border_color",
    ],
    "ink": [
        "body_text_color", "block_title_text_color", "input_border_color_hover", "button_secondary_text_color",
        "button_secondary_text_color_hover", "button_secondary_border_color_hover", "checkbox_label_text_color",
        "checkbox_label_text_color_selected", "accordion_text_color", "table_text_color",
    ],
    "soft": [
        "body_text_color_subdued", "block_label_text_color", "block_info_text_color", "input_placeholder_color",
    ],
    "accent": [
        "border_color_accent", "input_border_color_focus", "button_primary_background_fill",
        "button_primary_border_color", "checkbox_background_color_selected", "checkbox_border_color_selected",
        "checkbox_border_color_focus", "checkbox_label_border_color_selected", "slider_color", "link_text_color",
        "link_text_color_visited", "loader_color",
    ],
    "hover": [
        "button_primary_background_fill_hover", "button_primary_border_color_hover", "link_text_color_hover",
        "link_text_color_active",
    ],
    "onaccent": ["button_primary_text_color", "button_primary_text_color_hover"],
    "tint": ["color_accent_soft", "checkbox_label_background_fill_selected"],
    "danger": [
        "button_cancel_text_color", "button_cancel_text_color_hover", "button_cancel_border_color",
        "button_cancel_border_color_hover", "error_text_color", "error_border_color",
    ],
    "danger-tint": ["button_cancel_background_fill_hover", "error_background_fill"],
}  # fmt: skip
_IN_BOTH_MODES = {
    "transparent": ["block_background_fill"],
    "0px": ["block_border_width", "block_label_border_width"],
    "none": [
        "block_shadow", "checkbox_label_shadow", "input_shadow", "input_shadow_focus", "button_primary_shadow",
        "button_primary_shadow_hover", "button_primary_shadow_active", "button_secondary_shadow",
        "button_secondary_shadow_hover", "button_secondary_shadow_active",
    ],
    "1px": ["button_border_width", "checkbox_border_width", "input_border_width"],
}  # fmt: skip
_IN_ONE = {
    "12px": ["block_radius"],
    "0px": ["block_padding", "form_gap_width"],
    "15px": ["block_title_text_size", "prose_text_size", "section_header_text_size"],
    "600": ["block_title_text_weight", "button_large_text_weight", "section_header_text_weight"],
    "13px": ["block_info_text_size", "button_small_text_size"],
    "8px": ["container_radius", "input_radius", "checkbox_label_gap", "button_large_radius"],
    "10px 12px": ["input_padding"],
    "16px": ["input_text_size", "button_large_text_size", "layout_gap"],
    "8px 12px": ["checkbox_label_padding"],
    "10px 20px": ["button_large_padding"],
    "999px": ["button_small_radius"],
    "5px 12px": ["button_small_padding"],
    "500": ["button_small_text_weight"],
    "background-color .12s": ["button_transition"],
}  # fmt: skip


def theme() -> gr.themes.Base:
    both = _by_name({f"var(--vx-{token})": names for token, names in _COLOURS.items()} | _IN_BOTH_MODES)
    dark = {f"{name}_dark": value for name, value in both.items()}
    base = gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "Menlo", "Consolas", "monospace"))
    base.custom_css = asset("shell/tokens.css") + asset("shell/login.css")
    return base.set(**both, **dark, **_by_name(_IN_ONE))


def _by_name(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The values of Gradio's variables; the table has the names of those that share one."""
    return {name: value for value, names in table.items() for name in names}
