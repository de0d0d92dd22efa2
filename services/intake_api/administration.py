"""What an administrator reaches from the command line: the parts that stand on the database alone."""

from dataclasses import dataclass

from services.intake_api.settings import IntakeSettings
from services.intake_api.store.access import Access
from services.intake_api.store.dead_letters import DeadLetters
from services.intake_api.store.deliveries import Deliveries, Patience
from services.intake_api.store.engine import Database
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame
from services.intake_api.store.ownership import belong
from services.intake_api.store.reconciliation import Reconciliation
from services.intake_api.store.replays import Replays
from services.intake_api.store.rewrap import require_fit
from services.intake_api.store.statistics import Statistics
from services.intake_api.store.subscriptions import SubscriptionStore
from services.intake_api.store.vault import CannotOpen, UnusableKeys, Vault
from services.kit.clock import Clock
from services.kit.logging import logger
from services.kit.settings import ProcessSettings

log = logger(__name__)


def event_frame(process: ProcessSettings, settings: IntakeSettings) -> EventFrame:
    """Give what is the same in every event."""
    return EventFrame(settings.event_source, f"{process.register}/intake/v1/contacts")


@dataclass(frozen=True)
class Store:
    """An open database with its keys."""

    database: Database
    vault: Vault
    access: Access
    deliveries: Deliveries
    subscriptions: SubscriptionStore
    dead_letters: DeadLetters
    replays: Replays
    reconciliation: Reconciliation
    statistics: Statistics

    async def ready(self) -> None:
        """Bring the database to the schema of this code, and make sure that its keys are these.

        Raises:
            UnusableKeys: what is in the database was sealed with the keys of another file.

        """
        await migrate(self.database)
        await self.require_keys()
        await belong(self.database, self.vault)

    @staticmethod
    def open(process: ProcessSettings, settings: IntakeSettings, clock: Clock) -> "Store":
        """Open the database of the settings; its keys are made when there are none."""
        process.var.mkdir(parents=True, exist_ok=True, mode=0o700)
        vault = Vault.of(settings.keys(process))
        database = Database(settings.database(process), clock)
        return Store(
            database=database,
            vault=vault,
            access=Access(database, vault),
            deliveries=Deliveries(database, vault, Patience(pace=settings.handover_pace)),
            subscriptions=SubscriptionStore(database, vault),
            dead_letters=DeadLetters(database),
            replays=Replays(database),
            reconciliation=Reconciliation(database),
            statistics=Statistics(database),
        )

    async def require_keys(self) -> None:
        """Stop before anything is sealed with keys that are not those of this database.

        Raises:
            UnusableKeys: the key file is another, or a master key is missing from it.

        """
        try:
            async with self.database.read() as connection:
                await require_fit(connection, self.vault)
        except CannotOpen as error:
            log.error("the key file is not that of this database")  # noqa: TRY400 - the server's own line hides the reason
            raise UnusableKeys(f"the key file is not that of this database: {error}; `onthaal restore keys`") from None
