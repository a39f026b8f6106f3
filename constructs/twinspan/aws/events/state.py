"""Where the event checker keeps what its rules have seen: a DynamoDB table."""

from twin_runtime.roles import Layer
from twinspan import contracts
from twinspan.aws import names
from twinspan.aws.foundation import Foundation
from twinspan.aws.shared.grants import grant
from twinspan.aws.shared.policies import allow
from twinspan.providers import Construct
from twinspan.providers.aws import DynamodbTable, DynamodbTableAttribute, DynamodbTableServerSideEncryption
from twinspan.terraform.resources import place


class StateStore(Construct):
    """A record for each device, by name, paid by request. Nothing expires, and nothing is kept to restore:
    switching the event system off deletes it.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        table = DynamodbTable(
            self,
            "table",
            name=foundation.twin.names.name(names.STATE),
            billing_mode="PAY_PER_REQUEST",
            hash_key="name",
            attribute=[DynamodbTableAttribute(name="name", type="S")],
            deletion_protection_enabled=False,
            server_side_encryption=DynamodbTableServerSideEncryption(enabled=True),
            tags=foundation.labels(Layer.PROCESSING, names.STATE),
        )
        self._table = place(table, names.STATE, optional=True)
        self.address = self._table["name"]

    def grant_write(self, function: contracts.Function) -> None:
        statement = allow("dynamodb:BatchGetItem", "dynamodb:PutItem", on=[self._table["arn"]])
        grant(function, "write-state", statement, about=self._table, optional=True)
