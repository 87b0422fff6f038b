"""`recorder recover --desk-key`: what is no desk's is refused before a byte is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.cli import run
from recorder.clock import ManualClock
from recorder.evidence import keys, provision, registering, revocation
from tests.unit.evidence import bags, cards


class Card:
    """A dead device's, with an open recording; a desk, and a township that knows it."""

    def __init__(self, here: Path) -> None:
        self.here, self.out = here, here / "out"
        self.township = here / "township"
        self.device = bags.Device(here / "card")
        cards.left_open(self.device)
        clock = ManualClock(utc="2026-01-01T00:00:00.000Z")
        provision.provision("township", self.township, "张营镇", clock=clock)
        roles: tuple[tuple[provision.Role, str], ...] = (("desk", "desk-1"), ("sync", "bc-001"))
        for role, name in roles:
            provision.provision(
                role, here / role, name, township=self.township, clock=clock,
            )  # fmt: skip

    def key(self, signer: keys.KeySigner) -> Path:
        """In a file, as somebody hands it over."""
        path = self.here / "given.key"
        path.write_bytes(keys.pem_pair(signer.private)[0])
        path.chmod(0o600)
        return path

    def recover(self, key: Path, *, register: bool) -> int:
        words = ["recover", "--spool", self.device.spool, "--out", self.out, "--desk-key", key]
        if register:
            words += ["--register", self.township / "register.json",
                      "--township", self.township / "township.pem"]  # fmt: skip
        return run([str(word) for word in words])

    def revoke(self) -> Path:
        book = registering.open_book(self.township)
        revocation.revoke(book, "desk-1", ["desk"], "2026-02-01T00:00:00.000Z", None)
        return self.here / "desk" / "desk.key"


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


@pytest.mark.parametrize("register", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        lambda card: card.key(card.device.signer),
        lambda card: card.here / "sync" / "sync.key",
        lambda card: card.township / "township.key",
    ],
    ids=["device", "sync", "township"],
)
def test_a_key_of_another_role_is_refused_before_a_byte_is_written(
    given: Callable[[Card], Path], register: bool, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cards.digest(card.device.spool)
    assert card.recover(given(card), register=register) == 2
    said = capsys.readouterr().err
    assert "--desk-key" in said and "recorder provision desk" in said
    assert not card.out.exists()
    assert cards.digest(card.device.spool) == before


@pytest.mark.parametrize(
    "given",
    [
        lambda card: card.key(keys.KeySigner(Ed25519PrivateKey.generate())),
        lambda card: card.revoke(),
    ],
    ids=["stranger", "revoked"],
)
def test_a_register_must_vouch_for_the_desks_key(
    given: Callable[[Card], Path], card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    assert card.recover(given(card), register=True) == 2
    assert "recorder provision desk" in capsys.readouterr().err
    assert not card.out.exists()


@pytest.mark.parametrize("register", [False, True])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("custodian.key", "this is a custodian's age key"),
        ("desk/desk.pem", "this is a public half"),
        ("sync/sync.key", "the key of sync.pem beside it"),
        ("township/township.key", "the key of township.pem beside it"),
    ],
)
def test_what_was_given_instead_is_called_by_its_name(
    given: str, told: str, register: bool, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    provision.new_custodian(card.here / "custodian.key")
    assert card.recover(card.here / given, register=register) == 2
    said = capsys.readouterr().err
    assert told in said and "Give desk.key" in said
    assert "Provision it again" not in said and "chmod" not in said


def test_a_register_names_whose_key_it_is(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    moved = card.key(keys.load_private(card.here / "sync" / "sync.key"))
    assert card.recover(moved, register=True) == 2
    assert "the register has it as the key of sync bc-001" in capsys.readouterr().err


@pytest.mark.parametrize("register", [False, True])
def test_the_desks_own_key_ends_what_lies_there(register: bool, card: Card) -> None:
    assert card.recover(card.here / "desk" / "desk.key", register=register) == 0
    assert (card.out / "bc-001-00000001-0001" / "tagmanifest-sha256.txt.sig").exists()


def test_a_key_that_is_not_there_says_which_one_is_meant(
    card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    assert card.recover(card.here / "nothing.key", register=False) == 2
    assert "Give desk.key" in capsys.readouterr().err
