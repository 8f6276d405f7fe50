"""A host whose fifteen methods are one: for everything that passes requests on without telling them apart."""

from __future__ import annotations

from ..journal.events import Answer, Request


class Funnel:
    """A `Host`; derived classes say what `ask` does."""

    def ask(self, request: Request) -> Answer:
        """Answer any request."""
        raise NotImplementedError

    def _pass_on(self, request: Request) -> Answer:
        return self.ask(request)

    get_calldata = storage_read = storage_write = consume_result = _pass_on
    get_leader_nondet_result = post_nondet_result = _pass_on
    post_message = post_event = deploy_contract = _pass_on
    consume_fuel = remaining_fuel_as_gen = _pass_on
    eth_call = eth_send = get_balance = notify_nondet_disagreement = _pass_on
