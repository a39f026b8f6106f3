"""How functions come from the package: the bucket that holds it, and the identity that builds it."""

from typing import Any

from twin_runtime.roles import Role
from twinspan.gcp import names
from twinspan.gcp.shared.project import Project
from twinspan.packaging import Package
from twinspan.providers import AssetType, Construct, TerraformAsset
from twinspan.providers.gcp import (
    ProjectIamMember,
    StorageBucket,
    StorageBucketObject,
    StorageBucketVersioning,
)
from twinspan.terraform.resources import Ref, place

BUILD = "roles/run.builder"


class Builds(Construct):
    """Bucket, packages and build account of a stack's functions."""

    bucket: Ref
    account: Ref

    def __init__(self, scope: Construct, id_: str, *, project: Project, package: Package) -> None:
        super().__init__(scope, id_)
        self._project = project
        self._source(package)
        self._identity()

    @property
    def ready(self) -> list[Any]:
        """For `depends_on` of a function: the build account has its role, and the role holds."""
        return [self._project.settled.over.element]

    def _source(self, package: Package) -> None:
        twin = self._project.twin
        bucket = StorageBucket(
            self,
            "bucket",
            name=names.bucket(twin.names, names.SOURCE),
            location=self._project.region.upper(),  # the API answers in capitals
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning=StorageBucketVersioning(enabled=True),
            force_destroy=True,  # it holds only what synth makes again
            labels=twin.labels(None, "source"),
            depends_on=self._project.ready,
        )
        self.bucket = place(bucket, "source")
        self._package = self._uploaded("", package)
        self._own = {role: self._uploaded(f"_{role}", own) for role, own in package.own.items()}

    def package(self, role: Role) -> Ref:
        """Return the package of a function."""
        return self._own.get(role, self._package)

    def _uploaded(self, suffix: str, package: Package) -> Ref:
        asset = TerraformAsset(
            self, f"package{suffix}", path=str(package.path), type=AssetType.FILE, asset_hash=package.digest
        )
        archive = StorageBucketObject(
            self,
            f"archive{suffix}",
            bucket=self.bucket["name"],
            name=f"functions-{package.digest[:16]}.zip",
            source=asset.path,
        )
        return place(archive, f"functions{suffix}")

    def _identity(self) -> None:
        """New projects give Cloud Build's default account no permissions, so builds have one of their own.

        `roles/run.builder` is what Google documents for the builds of functions. It is granted on the
        project: the build reads the source from a bucket, and writes the image to a repository, that Google
        makes there.
        """
        self.account = self._project.account(self, names.BUILD_ACCOUNT, purpose="builds its functions")
        role = ProjectIamMember(
            self,
            "role",
            project=self._project.project,
            role=BUILD,
            member=self.account["member"],
        )
        placed = place(role, "build")
        self._project.inventory.grant(
            placed, to=names.BUILD_ACCOUNT, may=BUILD, project=self._project.project
        )
        self._project.settled.needs("build", placed["id"])
