"""Logs of the functions, with a retention of their own."""

from twin_runtime.roles import Cloud
from twinspan.gcp import names
from twinspan.gcp.shared.project import Project
from twinspan.providers import Construct
from twinspan.providers.gcp import LoggingProjectBucketConfig, LoggingProjectExclusion, LoggingProjectSink
from twinspan.providers.random import RandomId
from twinspan.sizing import LOG_RETENTION_DAYS
from twinspan.terraform.resources import place


class Logs(Construct):
    """A log bucket of the twin, and a sink that fills it: the retention of `_Default` is the whole project's.

    A deleted log bucket keeps its name for seven days, so the name ends with digits that are new in each
    deployment, and after each change of the region.
    """

    def __init__(self, scope: Construct, id_: str, *, project: Project) -> None:
        super().__init__(scope, id_)
        project.need_random()
        digits = place(RandomId(self, "digits", keepers={"region": project.region}), names.LOGS)
        twin = project.twin
        roles = [role for role, cloud in twin.topology.roles.items() if cloud is Cloud.GCP]
        functions = "|".join(twin.names.name(role) for role in roles)
        written_by = f'resource.type="cloud_run_revision" AND resource.labels.service_name=~"^({functions})$"'
        bucket = LoggingProjectBucketConfig(
            self,
            "bucket",
            project=project.project,
            location=project.region,
            bucket_id=f"{twin.config.name}-{digits['hex']}",
            retention_days=LOG_RETENTION_DAYS,
            description=f"Logs of the functions of the twin {twin.config.name}",
            depends_on=project.ready,
        )
        logs = place(bucket, names.LOGS)
        name = twin.names.name(names.LOGS)
        # A sink to a log bucket of its own project needs no grant.
        sink = LoggingProjectSink(
            self,
            "sink",
            name=name,
            destination=f"logging.googleapis.com/{logs['id']}",
            filter=written_by,
            unique_writer_identity=True,
        )
        sunk = place(sink, names.LOGS)
        # Else `_Default` keeps, and bills, a second copy.
        exclusion = LoggingProjectExclusion(
            self, "exclusion", name=name, filter=written_by, depends_on=[sunk.element]
        )
        place(exclusion, names.LOGS)
