"""The twin graph: a workspace of IoT TwinMaker."""

import hashlib
import json

from twin_runtime.roles import Layer, Role
from twinspan import contracts
from twinspan.aws import facts, names, twinmaker
from twinspan.aws.foundation import Foundation
from twinspan.aws.functions import Function
from twinspan.aws.shared.buckets import ClosedBucket
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import Statement, allow, document, record, trust
from twinspan.providers import Construct
from twinspan.providers.aws import (
    CloudformationStack,
    IamRole,
    IamRolePolicy,
    LambdaInvocation,
    S3BucketCorsConfiguration,
    S3BucketCorsConfigurationCorsRule,
    S3Object,
)
from twinspan.terraform.resources import Ref, place

_JSON = "application/json"
# TwinMaker's guide requires s3:GetBucket*, and does not say which of these it reads.
_BUCKET_READS = tuple(
    f"s3:GetBucket{what}"
    for what in (
        "Acl",
        "CORS",
        "Location",
        "Logging",
        "Notification",
        "ObjectLockConfiguration",
        "OwnershipControls",
        "Policy",
        "PolicyStatus",
        "PublicAccessBlock",
        "RequestPayment",
        "Tagging",
        "Versioning",
        "Website",
    )
)


class Graph(Construct):
    """The workspace, its bucket and role; by CloudFormation, whose template is in the bucket.

    The scene is empty at first. It belongs to those who draw it, in TwinMaker's console: Terraform does not
    touch it again, and while the layer is protected refuses to delete it.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._tags = foundation.labels(Layer.TWIN_MANAGEMENT, "graph")
        self.address = names.workspace(foundation.twin.names)
        self.bucket = ClosedBucket(
            self, "bucket", foundation=foundation, layer=Layer.TWIN_MANAGEMENT, name=names.GRAPH, role="graph"
        ).bucket
        self._open_to_browsers()
        protect = foundation.protects(Layer.TWIN_MANAGEMENT)
        scene = json.dumps(twinmaker.EMPTY_SCENE)
        self._scene = self._object("scene", f"{twinmaker.SCENE}.json", scene, protect=protect)
        self._scene.element.add_override("lifecycle.ignore_changes", ["content", "content_type", "etag"])
        self._stack: Ref | None = None

    def feed_from(self, function: contracts.Function, *, store: contracts.Store | None = None) -> None:
        """No-op on the store: twin_connector reads it when TwinMaker pulls values."""
        if function.role is Role.TWIN_CONNECTOR:
            self._stack = self._workspace(contracts.own(function, Function))
        else:
            self._keep_with(contracts.own(function, Function))

    def grant_read(self, function: contracts.Function) -> None:
        actions = ("GetWorkspace", "GetEntity", "ListEntities", "ExecuteQuery")
        values = ("GetPropertyValueHistory", "GetComponentType")
        assert self._stack is not None  # the connector comes first
        grant(function, "read-graph", self._may(*actions, *values), about=self._stack)

    def _keep_with(self, keeper: Function) -> None:
        """twin_sync makes the entities. It takes them away again before the workspace is deleted, which
        TwinMaker refuses while there is one.
        """
        assert self._stack is not None  # the connector comes first
        actions = (
            "GetWorkspace",
            "GetEntity",
            "ListEntities",
            "CreateEntity",
            "UpdateEntity",
            "DeleteEntity",
        )
        tags = ("ListTagsForResource", "TagResource", "UntagResource")
        permission = keeper.permit("keep-graph", self._may(*actions, *tags), about=self._stack)
        given, scope = json.dumps({"partition": 0, "partitions": 1}), "CRUD"
        invocation = LambdaInvocation(
            self,
            "entities",
            function_name=keeper.function["id"],
            input=given,
            lifecycle_scope=scope,
        )
        invocation.add_override("depends_on", [self._stack.address, permission.address])
        self._foundation.inventory.record(
            facts.Invocation(
                address=place(invocation, "graph_entities").address, to=keeper.role, input=given, scope=scope
            )
        )

    def _may(self, *actions: str) -> Statement:
        workspace = self._foundation.arn("iottwinmaker", f"workspace/{self.address}")
        named = [f"iottwinmaker:{action}" for action in actions]
        return allow(*named, on=[workspace, f"{workspace}/*"])

    def _workspace(self, connector: Function) -> Ref:
        foundation = self._foundation
        role, permission = self._role(connector)
        template = twinmaker.text(
            twinmaker.template(
                foundation.twin.config,
                workspace=self.address,
                bucket=self.bucket["bucket"],
                role=role["arn"],
                connector=connector.function["arn"],
                tags=self._tags,
            )
        )
        may_call = connector.permit_caller(
            "iottwinmaker.amazonaws.com", foundation.arn("iottwinmaker", f"workspace/{self.address}")
        )
        # Another template is another object: CloudFormation looks at the address alone.
        digest = hashlib.sha256(template.encode()).hexdigest()[:16]
        body = self._object("template", f"cloudformation/{digest}.json", template)
        stack = CloudformationStack(
            self,
            "workspace",
            name=self.address,
            template_url=f"https://{self.bucket['bucket_regional_domain_name']}/{body['key']}",
            # Of an update that CloudFormation rolled back, Terraform's state has the new address, which the
            # provider never reads. It does read the parameters: the next plan repeats the update.
            parameters={twinmaker.DIGEST: digest},
            tags=self._tags,
        )
        stack.add_override("depends_on", [permission.address, self._scene.address])
        placed = place(stack, names.GRAPH, protect=foundation.protects(Layer.TWIN_MANAGEMENT))
        foundation.inventory.record(
            facts.Workspace(
                address=placed.address, name=self.address, to=connector.role, permission=may_call.address
            )
        )
        return placed

    def _role(self, connector: Function) -> tuple[Ref, Ref]:
        """What TwinMaker acts as: it keeps files in the bucket, and calls the data connector."""
        foundation, arn = self._foundation, self.bucket["arn"]
        role = IamRole(
            self,
            "role",
            name=foundation.twin.names.name(names.GRAPH),
            assume_role_policy=trust("iottwinmaker.amazonaws.com"),
            tags=self._tags,
        )
        placed = place(role, names.GRAPH)
        statements = (
            allow(*_BUCKET_READS, "s3:ListBucket", on=[arn]),
            allow("s3:GetObject", "s3:PutObject", on=[f"{arn}/*"]),
            # A file by which TwinMaker marks the bucket as taken.
            allow("s3:DeleteObject", on=[f"{arn}/DO_NOT_DELETE_WORKSPACE_*"]),
            # Written out: IAM gets the time that the function takes to make the policy known, before
            # CloudFormation needs it.
            allow("lambda:InvokeFunction", on=[connector.arn]),
        )
        policy = IamRolePolicy(
            self,
            "policy",
            name="workspace",
            role=placed["id"],
            policy=document(*statements),
        )
        permission = place(policy, names.GRAPH)
        return placed, record(foundation.inventory, permission, *statements, to=names.GRAPH)

    def _open_to_browsers(self) -> None:
        """Scenes are loaded, and edited, by TwinMaker's console and by Grafana's scene viewer in the browser,
        with the credentials of who is signed in.
        """
        region = self._foundation.region
        rule = S3BucketCorsConfigurationCorsRule(
            allowed_headers=["*"],
            allowed_methods=["GET", "PUT", "POST", "DELETE", "HEAD"],
            allowed_origins=[
                "https://*.console.aws.amazon.com",
                f"https://*.grafana-workspace.{region}.amazonaws.com",
            ],
            expose_headers=["ETag"],
        )
        cors = S3BucketCorsConfiguration(self, "cors", bucket=self.bucket["id"], cors_rule=[rule])
        place(cors, names.GRAPH)

    def _object(self, name: str, key: str, content: str, *, protect: bool = False) -> Ref:
        made = S3Object(
            self,
            name,
            bucket=self.bucket["id"],
            key=key,
            content=content,
            content_type=_JSON,
            # S3 takes ten tags on an object at most: none of twin.yaml's, which are on the bucket.
            tags={name: self._tags[name] for name in ("twin", "layer", "role")},
        )
        return place(made, f"{names.GRAPH}_{name}", protect=protect)
