"""A case card is checked against the catalogue and the organisation before it is kept."""

from pathlib import Path

import pytest

from recorder.config import Organisation
from recorder.errors import RecorderError
from recorder.session import case, catalogue

CONFIG = Path(__file__).parents[3] / "config"
LISTED = catalogue.load(CONFIG / "catalogue.toml")
EXAMPLE = (CONFIG / "case.example.toml").read_text(encoding="utf-8")
TOWNSHIP = Organisation(name="永济市张营镇人民政府", rule="办法", rule_version="试行")
ENTRUSTED = Organisation(
    name="综合服务中心", entrusted_by="永济市张营镇人民政府", rule="办法", rule_version="试行"
)
BARE = 'id = "7"\nact = "inspection"\n'
TWO = (
    '[[officers]]\nname = "王建国"\ncertificate = "1"\n'
    '[[officers]]\nname = "李秀英"\ncertificate = "2"\n'
)


def check(
    text: str, organisation: Organisation = TOWNSHIP, today: str = "2026-11-23"
) -> case.Checked:
    return case.check(text, LISTED, organisation, today, "card.toml")


def test_what_is_personal_is_not_in_the_clear() -> None:
    checked = check(EXAMPLE)
    clear = repr(checked.act(LISTED))
    private = checked.card.private()
    for personal in ("王建国", "李秀英", "14088101023", "舜帝大街", "占道经营", "身份待查"):
        assert personal not in clear
        assert personal in repr(private)


def test_the_act_goes_on_record_with_stages_content_and_obligation() -> None:
    act = check(EXAMPLE).act(LISTED)
    assert (act.id, act.obligation, act.article, act.card) == (
        "seizure", "must", "10.2", "2026-0117",
    )  # fmt: skip
    assert act.stages == ("告知", "清点", "装运", "入库")
    assert act.content[:2] == ("arrival", "certificates")


def test_a_card_without_details_is_valid_and_leaves_them_to_be_asked() -> None:
    card = check(BARE).card
    assert (card.place, card.reason, card.subject, card.officers) == ("", "", "", ())


def test_an_unknown_subject_is_a_valid_answer() -> None:
    assert check(BARE + 'subject = "待查"').card.subject == "待查"


def test_a_card_without_stages_plans_all_but_those_that_raise_the_obligation() -> None:
    checked = check(BARE)
    assert checked.stages == ("亮证", "检查", "笔录")
    assert checked.known_stages == ("亮证", "检查", "笔录", "查封扣押")


def test_a_stage_may_raise_the_obligation() -> None:
    checked = check(BARE)
    assert checked.obligation("检查") == "may"
    assert checked.obligation("查封扣押") == "must"


@pytest.mark.parametrize(
    ("text", "today", "warning"),
    [
        pytest.param(BARE, "2026-11-23", "fewer than two officers", id="officers"),
        pytest.param('id="7"\nact="seizure"\n' + TWO, "2026-11-23", "approval", id="approval"),
        pytest.param('id="7"\nact="demolition"', "2026-11-23", "at night or on public", id="night"),
        pytest.param(BARE + TWO, "2028-01-01", "valid from", id="list too old"),
        pytest.param(BARE + TWO, "2026-10-31", "valid from", id="list too new"),
        pytest.param(BARE + f'place = "{"长" * 60}"\n' + TWO, "2026-11-23", "place", id="too long"),
    ],
)  # fmt: skip
def test_what_is_doubtful_warns_and_is_kept_all_the_same(
    text: str, today: str, warning: str
) -> None:
    assert any(warning in one for one in check(text, today=today).warnings)


def test_a_complete_card_gives_no_warning() -> None:
    assert check(EXAMPLE).warnings == ()


@pytest.mark.parametrize("act", ["sealing", "seizure"])
def test_an_entrusted_organisation_may_not_seal_or_seize(act: str) -> None:
    with pytest.raises(RecorderError, match="entrusted organisation") as caught:
        check(f'id = "7"\nact = "{act}"', ENTRUSTED)
    assert "永济市张营镇人民政府" in caught.value.remedy


def test_an_entrusted_organisation_may_inspect() -> None:
    assert check(BARE, ENTRUSTED).entry.id == "inspection"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param('id = "7"\nact = "parade"', "act", id="an act that the list lacks"),
        pytest.param('id = "7"\nact = "restraint"', "act", id="an act that is switched off"),
        pytest.param(BARE + 'stages = ["收缴"]', "stages", id="a stage that the act lacks"),
        pytest.param(BARE + 'stages = ["检查", "检查"]', "stages", id="a stage twice"),
        pytest.param(BARE + 'arrival = "morning"', "arrival", id="no time"),
        pytest.param(BARE + 'arrival = "2026-11-23T09:20:00"', "arrival", id="no offset"),
        pytest.param(BARE + 'arrival = "0001-01-01T00:00:00+08:00"', "arrival", id="no such year"),
        pytest.param(BARE + 'telephone = "110"', "telephone", id="unknown key"),
        pytest.param('id = "张三"\nact = "inspection"', "id", id="a name as id"),
        pytest.param('act = "inspection"', "id", id="no id"),
        pytest.param(BARE + f'place = "{"长" * 200}"', "place", id="far too long"),
    ],
)
def test_a_card_that_does_not_fit_names_file_key_and_remedy(text: str, key: str) -> None:
    with pytest.raises(RecorderError) as caught:
        check(text)
    assert caught.value.where == "card.toml"
    assert key in caught.value.problem
    assert caught.value.remedy
