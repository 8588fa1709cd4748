"""Which requests may join the line: answers that are at hand pass it by, and a request that can't be served hears why.

The same at every door; knows the service and the limits, nothing of Gradio.
"""

import asyncio
from collections.abc import Callable

from voxdemo.errors import InputError, LimitError, UnavailableError
from voxdemo.intake.request import Asked, Examined
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.speech import Utterance
from voxdemo.stores.limits import Limits
from voxdemo.threads import READING, in_thread
from voxdemo.web.line.handlers import examined, requested

MOST_AT_HAND = 256
"""How many of Gradio's events may be served beside the line at once; those beyond stand in line."""


class Admission:
    """Gives tickets, over all doors."""

    def __init__(self, service: SpeechService, limits: Limits) -> None:
        self._service = service
        self.limits = limits
        self._examining = asyncio.Lock()  # or a short text overtakes a long one that came before it

    async def admit(self, asked: Callable[[], Asked], context: RequestContext, beside: int = 0) -> None:
        """Let in a request that asks for this: give it its ticket, unless its answer is at hand, or an objection.

        `beside` is how many are served beside the line. Raises LimitError where its client has asked for too much.
        """
        try:
            context.examined = await requested(asked(), self._service, names_files=context.door != "openai")
        except InputError as error:
            await self._count(context)
            context.objection = error
            return
        request = context.examined.request
        if request and beside < MOST_AT_HAND:
            context.is_at_hand = await self._service.is_at_hand(request)
        if context.is_at_hand:
            return
        try:
            self._service.line.check_room()
            await self._count(context)
            await self._examine(context)
            self._service.line.check_caller(context.caller)
            self._service.line.check_room()
        except LimitError:
            raise
        except (InputError, UnavailableError) as error:
            context.objection = error
        else:
            self._service.take_ticket(context)

    async def admit_later(self, utterance: Utterance, context: RequestContext) -> None:
        """Let in a text of something that was let in before, as a batch. Raises InputError for what can't be spoken."""
        request = await self._service.request(utterance, context.is_private)
        context.examined = Examined(utterance, request)
        context.is_at_hand = await self._service.is_at_hand(request)
        if not context.is_at_hand:
            await self._examine(context)
            self._service.take_ticket(context)

    async def _examine(self, context: RequestContext) -> None:
        assert context.examined, "what is asked for is known"
        async with self._examining:
            context.examined = await in_thread(examined, context.examined, pool=READING)

    async def _count(self, context: RequestContext) -> None:
        """Count one more job of this client. Raises LimitError where that is too much."""
        self._service.line.check_caller(context.caller)
        await self.limits.take(context.caller)
