"""The rules file: every error with its line and what to do, and no address shown."""

import os
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from sinks.notify.faults import RulesError
from sinks.notify.plan import Limit, Plan, RulesFile
from sinks.notify.rules_file import read_plan

EXAMPLE = Path(__file__).parents[3] / "examples" / "notifications.yaml"
SECRET = "hunter2"  # noqa: S105 - the secret of an example


def settings(**targets: str) -> Settings:
    text = " ".join(f"{name}={url}" for name, url in targets.items())
    return Settings.model_validate({"notify": {"targets": text, "page": "https://x.org"}})


def read(folder: Path, text: str, *, mode: int = 0o600, **targets: str) -> Plan:
    path = folder / "rules.yaml"
    path.write_text(text)
    path.chmod(mode)
    return read_plan(settings(**(targets or {"phone": f"tgram://{SECRET}/1"})), path)


def refusal(folder: Path, text: str, **more: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, **more)  # type: ignore[arg-type]
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value).replace(f"{folder}/", "")


def test_every_key_of_the_file_and_its_default_stand_in_the_documents() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "notifications.md").read_text(encoding="utf-8")
    limit = Limit()

    assert [key for key in RulesFile.model_fields if f"\n| `{key}` |" not in page] == []
    assert f"| `limit` | `{{messages: {limit.messages}, minutes: {limit.minutes:g}}}` |" in page


def test_the_example_is_valid() -> None:
    plan = read_plan(settings(phone="tgram://x/1", mail="mailto://x"), EXAMPLE)

    assert {rule.rule.when for rule in plan.rules} >= {
        "gap", "mismatch", "stale", "price", "volatility", "chance", "drift", "promotion",
    }  # fmt: skip
    assert [target.name for target in plan.targets] == ["phone", "mail"]


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    plan = read(tmp_path, "rules: [{when: gap}, {when: stale}, {when: stale, name: slow}]")

    assert plan.rule_names == ("gap", "stale", "slow")
    assert plan.rules[0].targets == ("phone",)
    assert plan.targets[0].quiet_hours is None
    assert plan.page == "https://x.org"


def test_rules_of_the_same_kind_are_numbered(tmp_path: Path) -> None:
    rules = "rules: [{when: gap}, {when: gap, minutes: 60}, {when: stale}, {when: stale}]"

    assert read(tmp_path, rules).rule_names == ("gap 1", "gap 2", "stale 1", "stale 2")


def test_numbering_passes_over_a_name_that_is_taken(tmp_path: Path) -> None:
    rules = "rules: [{when: gap}, {when: gap, minutes: 60}, {when: stale, name: gap 2}]"

    assert read(tmp_path, rules).rule_names == ("gap 1", "gap 3", "gap 2")


def test_a_target_may_have_its_own_quiet_hours_or_none(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        "quiet_hours: {from: 22:00, to: 07:00, zone: UTC}\n"
        "targets: {phone: {}, mail: {quiet_hours: none}}\n"
        "rules: [{when: gap}]\n",
        phone="json://a",
        mail="json://b",
    )

    assert [str(t.quiet_hours) for t in plan.targets] == ["22:00 to 07:00 UTC", "None"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n- when: gap\n  minuts: 5", "3: rules[1]: minuts is not a key: did you mean m"),
        ("rule: []", "rule is not a key: did you mean rules?"),
        ("rules:\n- when: stale\n  minutes: 1", "3: rules[1].minutes: it must be greater than or"),
        ("rules:\n- when: stale\n  counts: x", "3: rules[1].counts: write candles or trades"),
        ("rules:\n- when: prize", "2: rules[1]: write for when: one of gap, mismatch, stale"),
        ("rules:\n- minutes: 5", "2: rules[1]: when is missing: add when: and one of gap"),
        ("rules:\n- when: price\n  crosses: 5", "2: rules[1]: symbols is missing: add it"),
        ("rules:\n- gap", "2: rules[1]: write keys and values here"),
        ("rules: gap", "1: rules: write a list here, each line with a dash"),
        ("rules: []", "1: rules: there is none: write at least one rule"),
        ("", "1: the file is empty"),
        ("rules: [", "not YAML: "),
        ("rules:\n- when: gap\n  when: stale", "3: rules[1]: when is there twice: remove one"),
        ("rules:\n- {when: gap, targets: [fone]}", "there is no target fone: choose from phone"),
        ("rules:\n- {when: gap, symbols: [BTC/USDT]}", "2: rules[1].symbols[1]: "),
        ("targets: {Phone: {}}\nrules: [{when: gap}]", "write a name of small letters"),
        ("targets:\n  mail: {}\nrules: [{when: gap}]", "2: targets.mail: it has no address"),
        ("rules:\n- {when: gap, name: a}\n- {when: gap, name: a}", "3: rules[2].name: another"),
        ("quiet_hours: {from: 1, to: 2, zone: UTC}\nrules: [{when: gap}]", "1: quiet_hours.from: "),
        ("quiet_hours: {from: '22:00Z', to: '07:00', zone: UTC}\nrules: [{when: gap}]",
         "1: quiet_hours.from: write the time without a zone"),
        ("quiet_hours: {from: '22:00', to: '07:00+01:00', zone: UTC}\nrules: [{when: gap}]",
         "1: quiet_hours.to: write the time without a zone"),
        ("limit: {message: 5}\nrules: [{when: gap}]", "did you mean messages?"),
        ("a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n" + "".join(
            f"{chr(99 + n)}: &{chr(99 + n)} [{','.join([f'*{chr(98 + n)}'] * 8)}]\n"
            for n in range(8)
        ), "too large or too deep"),
    ],
)  # fmt: skip
def test_an_error_names_its_line_and_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_all_errors_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    said = refusal(tmp_path, "rules:\n- when: gap\n  minutes: x\n- when: stale\n  minutes: 1\n")

    assert [line.partition(": ")[0] for line in said.splitlines()] == [
        "rules.yaml:3",
        "rules.yaml:5",
    ]


def test_a_file_with_addresses_must_be_the_owners_alone(tmp_path: Path) -> None:
    text = f"targets: {{a: {{url: 'json://{SECRET}'}}}}\nrules: [{{when: gap}}]"

    assert "run `chmod 600" in refusal(tmp_path, text, mode=0o640)
    plan = read(tmp_path, text)
    assert SECRET not in repr(plan)
    assert [target.name for target in plan.targets] == ["a", "phone"]


def test_no_error_shows_an_address(tmp_path: Path) -> None:
    for wrong in (f"{{url: [json://{SECRET}]}}", f"{{url: {{json://{SECRET}: x}}}}", SECRET):
        refusal(tmp_path, f"targets: {{a: {wrong}}}\nrules: [{{when: gap}}]")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_plan(settings(), tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_plan(settings(), tmp_path / "bytes.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigurationError, match="larger"):
        read_plan(settings(), tmp_path / "large.yaml")
    with pytest.raises(ConfigurationError, match="no rules file"):
        read_plan(settings())


_LEAVES = st.sampled_from(["gap", "price", "none", "5", "-1", "BTCUSDT", "22:00", "UTC", "", "x y"])
_KEYS = st.sampled_from(
    [
        "rules",
        "targets",
        "when",
        "minutes",
        "symbols",
        "crosses",
        "quiet_hours",
        "limit",
        "url",
        "a",
    ]
)


@given(
    st.recursive(
        _LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
        max_leaves=15,
    )
)
def test_any_file_is_a_plan_or_errors_with_lines(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"any-{os.getpid()}.yaml"
    path.write_text(str(content))  # Python's own notation of lists and dictionaries is YAML
    path.chmod(0o600)
    try:
        read_plan(settings(phone="json://x"), path)
    except RulesError as error:
        for line in str(error).splitlines():
            assert line.startswith(f"{path}:")
