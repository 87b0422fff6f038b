"""The township's list of acts: what may stand in it and what may not (Art. 8, 10, 11)."""

from pathlib import Path

import pytest

from recorder.errors import RecorderError
from recorder.session import catalogue

EXAMPLE = Path(__file__).parents[3] / "config" / "catalogue.toml"


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example with first occurrences replaced."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_six_acts_of_article_10_must_be_recorded() -> None:
    acts = catalogue.load(EXAMPLE).acts
    six = [act for act in acts if act.article.startswith("10.")]
    assert sorted(act.article for act in six) == [f"10.{n}" for n in range(1, 7)]
    assert {act.obligation for act in six} == {"must"}


def test_every_kind_of_article_11_but_the_open_one_is_listed() -> None:
    acts = catalogue.load(EXAMPLE).acts
    assert {a.article for a in acts if a.article.startswith("11.")} == {
        "11.1", "11.2", "11.3", "11.4",
    }  # fmt: skip


def test_service_by_leaving_is_lifted_to_must() -> None:
    act = catalogue.load(EXAMPLE).find("service")
    assert act is not None
    assert act.obligation == "must"


def test_an_act_without_power_is_listed_but_switched_off() -> None:
    act = catalogue.load(EXAMPLE).find("restraint")
    assert act is not None
    assert not act.enabled


def test_every_act_has_the_common_content_first() -> None:
    listed = catalogue.load(EXAMPLE)
    act = listed.find("sealing")
    assert act is not None
    texts = [item.text for item in listed.content(act)]
    assert texts[:6] == ["到场", "亮证", "告知", "环境", "当事人", "文书制作签收"]
    assert texts[6:] == ["批准", "理由依据", "陈述申辩", "封条", "见证人"]


def test_an_item_is_called_by_its_text_and_an_unknown_one_by_its_id() -> None:
    listed = catalogue.load(EXAMPLE)
    assert listed.item("seals") == "封条"
    assert listed.item("gone-since") == "gone-since"


def test_a_changed_list_has_another_digest(tmp_path: Path) -> None:
    other = catalogue.load(changed(tmp_path, ('version = "2026-1"', 'version = "2026-2"')))
    assert other.sha256 != catalogue.load(EXAMPLE).sha256


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            'obligation = "must"\narticle = "10.1"', 'obligation = "may"\narticle = "10.1"',
            "must be recorded", id="Art 10",
        ),
        pytest.param("entrustable = false", "", "may not be entrusted", id="sealing entrusted"),
        pytest.param('id = "seizure"', 'id = "sealing"', "stands twice", id="act twice"),
        pytest.param('{ name = "清点" }', '{ name = "告知" }', "stage stands twice", id="stages"),
        pytest.param('id = "seals"', 'id = "arrival"', "an item stands twice", id="items"),
        pytest.param(
            '{ name = "张贴" }', '{ name = "张贴", obligation = "may" }', "in every stage",
            id="a stage that lowers",
        ),
        pytest.param('article = "11.1"', 'article = "11.6"', "acts[11].article", id="article"),
        pytest.param('retention = "30y"', 'retention = "long"', "retention", id="retention"),
        pytest.param('from = "2026-11-01"', 'from = "2026-13-01"', "valid_from", id="date"),
        pytest.param('until = "2027-12-31"', 'until = "2026-01-01"', "before", id="order"),
        pytest.param("approval = true", 'approval = "yes"', "approval", id="type"),
        pytest.param("approval = true", "aproval = true", "aproval", id="unknown key"),
        pytest.param('version = "2026-1"', "", "version", id="missing key"),
    ],
)  # fmt: skip
def test_a_list_that_breaks_the_rule_names_file_key_and_remedy(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    path = changed(tmp_path, (old, new))
    with pytest.raises(RecorderError) as caught:
        catalogue.load(path)
    assert caught.value.where == str(path)
    assert problem in caught.value.problem
    assert caught.value.remedy


def test_an_act_without_stages_is_refused(tmp_path: Path) -> None:
    stages = 'stages = [\n  { name = "劝阻" },\n  { name = "责令改正" },\n  { name = "复查" },\n]'
    with pytest.raises(RecorderError, match="stages"):
        catalogue.load(changed(tmp_path, (stages, "stages = []")))
