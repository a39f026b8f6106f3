"""A stand-in of one provider, as Terraform talks to it: plugin protocol 6 over gRPC, on loopback."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import grpc

from support.planes.completion import complete
from support.planes.control import ControlPlane, Refused
from support.planes.kinds import kind_of
from support.planes.planning import planned, replacing, same
from support.planes.protocol import CALLS, SERVICE, Message, message
from support.planes.schema import Block
from support.planes.wire import UNKNOWN, decode, encode

_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_FRAMEWORK = ("azapi", "random", "time")
"""Providers on terraform-plugin-framework, which keeps the state of before when an update fails."""
Schemas = Callable[[], Mapping[str, Block]]


class Provider:
    """The server of a provider, which answers until it is closed.

    `schemas` gives the types that the stacks so far have used; the provider's own name stands for its block.
    """

    def __init__(self, name: str, *, schemas: Schemas, control: ControlPlane, workers: Executor) -> None:
        self.name, self._schemas, self._control = name, schemas, control
        self._server = grpc.server(workers, options=_UNLIMITED)  # type: ignore[arg-type]
        handlers = {call: self._handler(call) for call in CALLS}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> threading.Event:
        """Stop answering; the event is set when all is over."""
        return self._server.stop(0)

    def _handler(self, call: str) -> grpc.RpcMethodHandler:
        method = getattr(self, f"_{call}", lambda request: {})
        request_type, response_type = type(message(f"{call}.Request")), f"{call}.Response"

        def answer(request: Message, context: grpc.ServicerContext) -> Message:
            with self._control.lock:
                return message(response_type, **method(request))

        return grpc.unary_unary_rpc_method_handler(
            answer, request_type.FromString, type(message(response_type)).SerializeToString
        )

    def _GetProviderSchema(self, request: Message) -> dict[str, Any]:
        entries = {
            name: message("Schema", block=block.message()) for name, block in sorted(self._schemas().items())
        }
        own = entries.pop(self.name, message("Schema", block=Block().message()))
        data = {name[5:]: entries.pop(name) for name in [*entries] if name.startswith("data.")}
        return {
            "provider": own,
            "resource_schemas": [{"key": name, "value": schema} for name, schema in entries.items()],
            "data_source_schemas": [{"key": name, "value": schema} for name, schema in data.items()],
        }

    def _ConfigureProvider(self, request: Message) -> dict[str, Any]:
        if block := self._schemas().get(self.name):
            config = decode(request.config, block.type)
            self._control.surroundings[self.name] = {
                name.removesuffix("_id"): config[name]
                for name in ("project", "region", "subscription_id")
                if config.get(name)
            }
        return {}

    def _UpgradeResourceState(self, request: Message) -> dict[str, Any]:
        return {"upgraded_state": message("DynamicValue", json=request.raw_state.json)}

    def _ReadResource(self, request: Message) -> dict[str, Any]:
        if kind_of(request.type_name).unread:
            return {"new_state": request.current_state}
        type_ = self._schemas()[request.type_name].type
        found = self._control.find(request.type_name, decode(request.current_state, type_))
        return {"new_state": encode(found and found.values, type_)}

    def _ReadDataSource(self, request: Message) -> dict[str, Any]:
        name = f"data.{request.type_name}"
        block = self._schemas()[name]
        values = decode(request.config, block.type)
        made = complete(name, values, block, self._control.known(name, values))
        return {"state": encode(made, block.type)}

    def _PlanResourceChange(self, request: Message) -> dict[str, Any]:
        kind, block = kind_of(request.type_name), self._schemas()[request.type_name]
        config, prior = decode(request.config, block.type), decode(request.prior_state, block.type)
        if not request.proposed_new_state.msgpack or decode(request.proposed_new_state, block.type) is None:
            return {"planned_state": request.proposed_new_state}
        made = planned(kind, block, self._at_home(block, config), prior)
        replaced = replacing(kind, block, made, prior) if prior is not None else []
        if (
            prior is not None
            and made == prior
            and self._secret_changed(request.type_name, block, config, prior)
        ):
            made = {**made, **dict.fromkeys(kind.renewed, UNKNOWN)}
        return {
            "planned_state": encode(made, block.type),
            "requires_replace": [{"steps": [{"attribute_name": name}]} for name in replaced],
            "legacy_type_system": True,
        }

    def _ApplyResourceChange(self, request: Message) -> dict[str, Any]:
        name, block = request.type_name, self._schemas()[request.type_name]
        config, prior, made = (
            decode(value, block.type)
            for value in (request.config, request.prior_state, request.planned_state)
        )
        try:
            if made is None:
                if guards := [key for key, on in kind_of(name).protected.items() if prior.get(key) == on]:
                    raise Refused(f"{name} {prior['id']} cannot be deleted: {guards[0]} is set", prior)
                self._control.delete(name, prior)
                return {"new_state": encode(None, block.type), "legacy_type_system": True}
            act = self._control.create if prior is None else self._control.update
            done = act(name, made, block, _secret(block, config))
        except Refused as refused:
            kept = prior if self.name in _FRAMEWORK else refused.state
            error = {"severity": 1, "summary": str(refused)}
            return {"new_state": encode(kept, block.type), "diagnostics": [error], "legacy_type_system": True}
        return {"new_state": encode(done.values, block.type), "legacy_type_system": True}

    def _at_home(self, block: Block, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with the provider's own project and region where they are left out."""
        around = self._control.surroundings.get(self.name, {})
        left_out = {
            name: value
            for name, value in around.items()
            if name in block.attributes and config.get(name) is None and block.attributes[name].computed
        }
        return {**config, **left_out}

    def _secret_changed(
        self, name: str, block: Block, config: Mapping[str, Any], prior: Mapping[str, Any]
    ) -> bool:
        found = self._control.find(name, prior)
        return found is not None and not same(found.secret, _secret(block, config))


def _secret(block: Block, config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name, attribute in block.attributes.items() if attribute.write_only}
