"""The public HTTPS endpoint of a receiver: API Gateway, with an API key."""

from twin_runtime import deadlines
from twin_runtime.roles import READERS, ROLES
from twinspan import alarms, outputs
from twinspan.aws import facts, names
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.secrets import ApiKeys
from twinspan.providers import Construct, TerraformResourceLifecycle
from twinspan.providers.aws import (
    ApiGatewayDeployment,
    ApiGatewayGatewayResponse,
    ApiGatewayIntegration,
    ApiGatewayMethod,
    ApiGatewayResource,
    ApiGatewayRestApi,
    ApiGatewayRestApiEndpointConfiguration,
    ApiGatewayStage,
    ApiGatewayUsagePlan,
    ApiGatewayUsagePlanApiStages,
    ApiGatewayUsagePlanKey,
    ApiGatewayUsagePlanThrottleSettings,
    CloudwatchMetricAlarm,
)
from twinspan.terraform.resources import Ref, place

STAGE = "v1"
AUTHORIZATION = "NONE"
"""By identities of AWS. The key is asked for all the same."""
BAD_KEY, THROTTLED = "INVALID_API_KEY", "THROTTLED"
ANSWERS = {BAD_KEY: "401", THROTTLED: "429"}
TIMEOUT_MS = deadlines.GATEWAY_S * 1_000


class Endpoint(Construct):
    """A regional REST API with one method, for callers with a valid key.

    * An API's default address accepts HTTPS only. It still accepts TLS 1.0; only a custom domain can require
      more. The twin's senders require 1.2 themselves, and every request is signed.
    * There are no access logs: they need the account-wide CloudWatch role of API Gateway, which belongs to
      the account and not to a twin. The function logs each request.
    """

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, function: Function, api_keys: ApiKeys
    ) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._function = function
        self._role = function.role
        self._spec = ROLES[function.role]
        self._tags = foundation.labels(function.layer, function.role)
        self.method = "GET" if function.role in READERS else "POST"
        self.path = function.role.replace("_", "-")
        api = self._api()
        route = self._route(api)
        stage = self._stage(api, route)
        plan = self._plan(api, stage, api_keys)
        permission = function.permit_caller(
            "apigateway.amazonaws.com", f"{api['execution_arn']}/*/{self.method}/{self.path}"
        )
        self._record(api, route, stage, permission, *plan)
        urls = stage.path("invoke_url")
        self.url = f"${{{urls}}}/{self.path}"
        if function.optional:
            self.url = f'${{one(formatlist("%s/{self.path}", {stage.address}[*].invoke_url))}}'
        self.api_key = api_keys.newest
        outputs.publish_receiver(
            self, self._role, address=self.url, key=self.api_key, clients=api_keys.clients
        )
        if self._role in READERS:
            self._alarm(stage)

    def _api(self) -> Ref:
        api = ApiGatewayRestApi(
            self,
            "api",
            name=self._function.name,
            description=f"{self._role} of the twin {self._foundation.twin.config.name}",
            endpoint_configuration=ApiGatewayRestApiEndpointConfiguration(types=["REGIONAL"]),
            # The body reaches the function byte for byte: it is signed, and may be gzip.
            binary_media_types=["*/*"],
            tags=self._tags,
        )
        return place(api, self._role, optional=self._function.optional)

    def _route(self, api: Ref) -> dict[str, Ref]:
        """The method and what it calls. A bad key is answered with 401, which a sender takes as a reason to
        read its secret again, where API Gateway says 403 by itself."""
        optional = self._function.optional
        resource = place(
            ApiGatewayResource(
                self,
                "resource",
                rest_api_id=api["id"],
                parent_id=api["root_resource_id"],
                path_part=self.path,
            ),
            self._role,
            optional=optional,
        )
        method = place(
            ApiGatewayMethod(
                self,
                "method",
                rest_api_id=api["id"],
                resource_id=resource["id"],
                http_method=self.method,
                authorization=AUTHORIZATION,
                api_key_required=True,
            ),
            self._role,
            optional=optional,
        )
        integration = place(
            ApiGatewayIntegration(
                self,
                "integration",
                rest_api_id=api["id"],
                resource_id=resource["id"],
                http_method=method["http_method"],
                type="AWS_PROXY",
                integration_http_method="POST",
                uri=self._uri(),
                timeout_milliseconds=TIMEOUT_MS,
            ),
            self._role,
            optional=optional,
        )
        bad_key = ApiGatewayGatewayResponse(
            self, "bad-key", rest_api_id=api["id"], response_type=BAD_KEY, status_code=ANSWERS[BAD_KEY]
        )
        throttled = ApiGatewayGatewayResponse(
            self,
            "throttled",
            rest_api_id=api["id"],
            response_type=THROTTLED,
            status_code=ANSWERS[THROTTLED],
            response_parameters={"gatewayresponse.header.Retry-After": "'1'"},
        )
        return {
            "path": resource,
            "method": method,
            "integration": integration,
            "bad_key": place(bad_key, f"{self._role}_bad_key", optional=optional),
            "throttled": place(throttled, f"{self._role}_throttled", optional=optional),
        }

    def _uri(self) -> str:
        """Where API Gateway calls the function, written out.

        A stage moves to a new deployment before the old one is deleted, so a deployment is created before it
        is destroyed. Terraform then treats all that a deployment depends on in the same way. A reference to
        the function would include its role, log, queues and tables, whose names cannot be taken twice.
        """
        path = f"path/2015-03-31/functions/{self._function.arn}/invocations"
        return f"arn:aws:apigateway:{self._foundation.region}:lambda:{path}"

    def _stage(self, api: Ref, route: dict[str, Ref]) -> Ref:
        """A deployment is a copy of the API: it is made anew when something that it copied has changed."""
        deployment = ApiGatewayDeployment(
            self,
            "deployment",
            rest_api_id=api["id"],
            triggers={
                "path": route["path"]["path_part"],
                "method": route["method"]["http_method"],
                "key_required": route["method"]["api_key_required"],
                "function": route["integration"]["uri"],
                "timeout": route["integration"]["timeout_milliseconds"],
                "bad_key": route["bad_key"]["status_code"],
                "throttled": route["throttled"]["status_code"],
            },
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        deployment.add_override("depends_on", [ref.address for ref in route.values()])
        deployed = place(deployment, self._role, optional=self._function.optional)
        stage = ApiGatewayStage(
            self,
            "stage",
            rest_api_id=api["id"],
            deployment_id=deployed["id"],
            stage_name=STAGE,
            tags=self._tags,
        )
        return place(stage, self._role, optional=self._function.optional)

    def _plan(self, api: Ref, stage: Ref, api_keys: ApiKeys) -> tuple[str, ...]:
        """What each API key may do: as many requests a second as the function has instances, twice that at
        once. A usage plan limits each of its keys by itself.
        """
        plan = ApiGatewayUsagePlan(
            self,
            "plan",
            name=self._function.name,
            api_stages=[ApiGatewayUsagePlanApiStages(api_id=api["id"], stage=stage["stage_name"])],
            throttle_settings=ApiGatewayUsagePlanThrottleSettings(
                rate_limit=self._spec.rate, burst_limit=self._spec.burst
            ),
            tags=self._tags,
        )
        placed = place(plan, self._role, optional=self._function.optional)
        named = {self._role: api_keys.keys, f"{self._role}_clients": api_keys.client_keys}
        of_plan = [self._plan_keys(placed, name, keys) for name, keys in named.items() if keys]
        return placed.address, *of_plan, *filter(None, named.values())

    def _plan_keys(self, plan: Ref, name: str, keys: str) -> str:
        """Open the plan's API to every key of a map of them."""
        key = ApiGatewayUsagePlanKey(
            self,
            f"plan-key-{name}",
            usage_plan_id=plan["id"],
            key_id="${each.value.id}",
            key_type="API_KEY",
        )
        key.add_override("for_each", f"${{{keys}}}")
        return place(key, name).address

    def _alarm(self, stage: Ref) -> None:
        """The alarm on refusals. API Gateway refuses keys before the function runs, and counts by the class
        of the status: what the function answers with 400 or 404 is among them.
        """
        alarm = CloudwatchMetricAlarm(
            self,
            "alarm",
            alarm_name=names.refusals_alarm(self._foundation.twin.names, self._role),
            alarm_description=alarms.refusals(self._function.name),
            namespace="AWS/ApiGateway",
            metric_name="4XXError",
            dimensions={"ApiName": self._function.name, "Stage": stage["stage_name"]},
            statistic="Sum",
            period=deadlines.EVERY_S,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=alarms.REFUSALS_A_MINUTE * deadlines.EVERY_S // 60,
            treat_missing_data="notBreaching",
            alarm_actions=self._foundation.alarm_actions or None,
            tags=self._tags,
        )
        place(alarm, f"{self._role}_refusals")

    def _record(self, api: Ref, route: dict[str, Ref], stage: Ref, permission: Ref, *plan: str) -> None:
        parts = (api, route["path"], route["method"], route["integration"], stage, permission)
        self._foundation.inventory.record(
            facts.Endpoint(
                address=route["integration"].address,
                to=self._role,
                blocks=(*(part.address for part in parts), *plan),
                method=self.method,
                path=f"/{STAGE}/{self.path}",
                authorization=AUTHORIZATION,
                timeout_ms=TIMEOUT_MS,
                rate=self._spec.rate,
                burst=self._spec.burst,
                answers=tuple(f"{status} for {kind}" for kind, status in ANSWERS.items()),
            )
        )
