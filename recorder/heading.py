"""What a new recording's first lines say, before the disk adds its own: pure."""

from recorder import __version__
from recorder.archive import Last
from recorder.clock import NS
from recorder.config import Settings
from recorder.evidence import lines
from recorder.session.catalogue import Catalogue

RECENT_NS = 30 * 60 * NS


def continues(last: Last | None, card: str, now_ns: int, boot_id: str) -> lines.Continues | None:
    """What a recording goes on from (Art. 15): the same card; or, without a card, a last one that
    nobody ended or that ended less than half an hour ago in this boot."""
    if last is None:
        return None
    if card:
        return lines.Continues(last.recording, "card") if last.card == card else None
    if not last.planned:
        return lines.Continues(last.recording, "unplanned")
    if last.boot_id == boot_id and now_ns - last.end_ns < RECENT_NS:
        return lines.Continues(last.recording, "recent")
    return None


def head(
    settings: Settings,
    catalogue: Catalogue,
    name: str,
    act: lines.Act | None,
    continued: lines.Continues | None,
) -> tuple[lines.Opened, lines.Open]:
    """The ledger's ``open`` line and line 0. Keys, recipients and the quoted ledger line are the
    archive's to fill in."""
    device, organisation = settings.device, settings.organisation
    opened = lines.Opened(
        recording=name,
        device=device.name,
        officer=device.officer,
        act=act.id if act else "",
        obligation=act.obligation if act else None,
        previous="",
    )
    return opened, lines.Open(
        format=lines.RECORDING_FORMAT,
        recording=name,
        device=device.name,
        officer=device.officer,
        software=__version__,
        key="",
        key_kind="device",
        organisation=organisation.name,
        entrusted_by=organisation.entrusted_by,
        rule=organisation.rule,
        rule_version=organisation.rule_version,
        language=device.language,
        utc_offset_min=device.utc_offset_min,
        catalogue=f"{catalogue.version} sha256:{catalogue.sha256}",
        act=act,
        recipients=(),
        continues=continued,
        ledger="",
    )
