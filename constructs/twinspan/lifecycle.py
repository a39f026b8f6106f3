"""When the rules of a tier's bucket act, in days of a file's own age. Pure.

The ages are those of twin.yaml, as they are, and a file is younger than its events: it was written when they
left the tier before. So no change of twin.yaml makes a file go before its events have the age that the tier
promises; it goes later, by as much as they were old when it was written.
"""

from dataclasses import dataclass

from twin_runtime.roles import Cloud, Layer
from twinspan.twin import Twin

EVENTS = "events/"
"""Where the files are. Also in twin_runtime, which is deployed without this package; so is `PARTS`."""
PARTS = "parts/"
"""Where the parts of a file in transfer are. A transfer that was given up leaves them behind."""
PARTS_DAYS = 7
UNDELETE_DAYS = 7
"""How long a deleted file can be brought back, as a hot store can to any point of its last days."""
RESTORABLE_DAYS = {Cloud.AWS: 35, Cloud.AZURE: 7, Cloud.GCP: 7}
"""For how long a hot store can be restored to any moment, by what the stacks set."""
THAWED_DAYS = 7
"""How long a rehydrated file stays readable."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A file is archived after `archive_after` days, None: never by a rule; and deleted after
    `delete_after`.
    """

    archive_after: int | None
    delete_after: int

    @classmethod
    def of_cold(cls, twin: Twin) -> "Lifecycle":
        """The rules of the cold tier.

        Where the archive is in another cloud, archive_mover deletes what it has moved, and the rule is only
        there for what it never could.
        """
        ages, layers = twin.config.retention, twin.topology.layers
        archive = layers.get(Layer.ARCHIVE_STORAGE)
        if archive is None:
            return cls(archive_after=None, delete_after=ages.cold_days)
        here = archive is layers[Layer.COLD_STORAGE]
        return cls(archive_after=ages.cold_days if here else None, delete_after=ages.archive_days)

    @classmethod
    def of_former(cls, twin: Twin) -> "Lifecycle":
        """The rules of a bucket that both tiers have left: its files age, and are not archived any more."""
        ages = twin.config.retention
        archived = Layer.ARCHIVE_STORAGE in twin.topology.layers
        return cls(archive_after=None, delete_after=ages.archive_days if archived else ages.cold_days)

    @classmethod
    def of_archive(cls, twin: Twin) -> "Lifecycle":
        """The rules of an archive tier of its own."""
        return cls(archive_after=0, delete_after=twin.config.retention.archive_days)
