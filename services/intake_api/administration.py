"""What an administrator reaches from the command line: the parts that stand on the database alone."""

from dataclasses import dataclass

from services.intake_api.settings import IntakeSettings
from services.intake_api.store.access import Access
from services.intake_api.store.dead_letters import DeadLetters
from services.intake_api.store.deliveries import Deliveries
from services.intake_api.store.engine import Database
from services.intake_api.store.statistics import Statistics
from services.intake_api.store.subscriptions import SubscriptionStore
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import Clock
from services.kit.settings import ProcessSettings


@dataclass(frozen=True)
class Store:
    """An open database with its keys."""

    database: Database
    vault: Vault
    access: Access
    deliveries: Deliveries
    subscriptions: SubscriptionStore
    dead_letters: DeadLetters
    statistics: Statistics

    @staticmethod
    def open(process: ProcessSettings, settings: IntakeSettings, clock: Clock) -> "Store":
        """Open the database of the settings; its keys are made when there are none."""
        process.var.mkdir(parents=True, exist_ok=True, mode=0o700)
        vault = Vault(Keys.load_or_make(settings.keys(process)))
        database = Database(settings.database(process), clock)
        return Store(
            database=database,
            vault=vault,
            access=Access(database, vault),
            deliveries=Deliveries(database, vault),
            subscriptions=SubscriptionStore(database, vault),
            dead_letters=DeadLetters(database),
            statistics=Statistics(database),
        )
