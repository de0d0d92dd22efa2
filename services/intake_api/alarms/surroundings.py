"""What is wrong around this process: room on the disk, the age of the newest backup."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.intake_api.alarms.settings import AlarmSettings
from services.kit.alarms import Alarm, Condition


def surroundings(var: Path, limits: AlarmSettings, now: datetime) -> Iterator[Condition]:
    """Say what is wrong with the disk and the backups."""
    disk = shutil.disk_usage(var)
    if disk.free * 100 < disk.total * limits.alarm_disk_percent:
        yield Condition(Alarm.DISK_NEARLY_FULL)
    stamp = limits.alarm_backup_stamp
    if stamp is not None:
        made = datetime.fromtimestamp(stamp.stat().st_mtime, UTC) if stamp.exists() else None
        if made is None or now - made > timedelta(minutes=limits.alarm_backup_age):
            yield Condition(Alarm.BACKUP_OLD, 1, made)
