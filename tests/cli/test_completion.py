"""Tab in bash, zsh and fish: asked as the shells ask, by environment variables in a new process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import tfloss as package
from tests.cli.running import tfloss

_PROGRAM = """
import sys
try:
    from tfloss.cli.main import main
    main()
finally:
    print(*sorted({"tensorflow", "keras", "sklearn"} & set(sys.modules)), file=sys.stderr)
"""


def offered(line: str, shell: str = "bash") -> list[str]:
    """What the shell would offer for the last word of a line."""
    last = line.rpartition('"')[2] if line.count('"') % 2 else line.rpartition(" ")[2]
    number = len(line[: len(line) - len(last)].split()) - line.count('"') % 2
    word = f'"{last}' if line.count('"') % 2 else last
    environment = os.environ | {
        "_TFLOSS_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": word if shell == "fish" else str(number),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "", "slow modules were imported, or something was said"
    return done.stdout.splitlines()


def plain(line: str) -> list[str]:
    return [said.partition(",")[2] for said in offered(line)]


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("tfloss tr", ["train"]),
        ("tfloss train --teach", ["--teacher", "--teacher-fit"]),
        ("tfloss train --teacher gp", ["gpc"]),
        ("tfloss train --data breast", ["breast_cancer"]),
        ("tfloss train --model ml", ["mlp"]),
        ("tfloss train --teacher rf:n_est", ["rf:n_estimators="]),
        ("tfloss train --teacher soft=svc:C=2,gam", ["soft=svc:C=2,gamma="]),
        ("tfloss train --model mlp:10,activ", ["mlp:10,activation="]),
        ("tfloss train --optimizer sg", ["sgd"]),
        (
            'tfloss train --optimizer "sgd(learning_rate=0.1,mom',
            ["sgd(learning_rate=0.1,momentum="],
        ),
        ("tfloss train --optimizer adam:learn", ["adam:learning_rate="]),
        ("tfloss train --track tensor", ["tensorboard"]),
        ('tfloss train --loss "ce + kd(temp', ["ce + kd(temperature="]),
        ("tfloss train --recipe ", ["article"]),
        ("tfloss losses abs_", ["abs_kl"]),
        ('tfloss train --loss "bce + 0.1*abs_', ["bce + 0.1*abs_kl"]),
        ('tfloss explain "mean(bin', ["mean(binary_kl"]),
        ('tfloss compare bce "bce + kd(temp', ["bce + kd(temperature="]),
        ('tfloss train --loss "mse(softmax(logits), teach', ["mse(softmax(logits), teacher"]),
    ],
)
def test_bash_offers(line, among):
    assert set(among) <= set(plain(line))
    assert all(text.startswith(among[0][:2]) for text in plain(line))


def test_zsh_and_fish_get_the_lines_of_help():
    kind, name, summary, *_ = offered('tfloss train --loss "bce + abs_k', "zsh")
    assert (kind, name) == ("plain", "bce + abs_kl")
    assert summary == package.losses.abs_kl.summary
    (said,) = offered('tfloss train --loss "bce + abs_k', "fish")
    assert said == f"plain,bce + abs_kl\t{summary}"


def test_a_file_where_no_name_fits():
    assert offered("tfloss train --data rows.c") == ["file,rows.c"]
    assert offered("tfloss train --data breast") == ["plain,breast_cancer"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_runs_the_script(tmp_path):
    script = tmp_path / "script"
    script.write_text(tfloss("completion", "bash").out)
    command = tmp_path / "tfloss"
    command.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from tfloss.cli.main import main; main()'\n"
    )
    command.chmod(0o755)
    asking = (
        f"complete() {{ :; }}; source {script}\n"
        "COMP_WORDS=(tfloss train --loss '\"bce + abs_k'); COMP_CWORD=3\n"
        f'_tfloss_completion {command}; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asking], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "bce + abs_kl"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell):
    script = tfloss("completion", shell).out
    assert f"_TFLOSS_COMPLETE={shell}_complete" in script


def test_another_shell_is_refused():
    answer = tfloss("completion", "tcsh")
    assert answer.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in answer.err


def test_losses_in_python():
    assert {"bce", "abs_kl", "kd"} <= set(dir(package.losses))
    formula = package.losses.bce + 0.1 * package.losses.kd.term(temperature=4)
    assert (
        repr(package.losses.kd)
        == "<loss kd(teacher, logits, teacher_logits=None, *, temperature=2.0)>"
    )
    assert str(formula) == "bce + 0.1*kd(temperature=4)"
    with pytest.raises(AttributeError, match="Did you mean 'abs_kl'"):
        _ = package.losses.abs_kll


HEADER = 'age,"amount, net",answer\n1,2,3\n'


def test_columns_of_the_file_for_the_target(tmp_path):
    (tmp_path / "rows.csv").write_text(HEADER)
    assert plain(f"tfloss train --data {tmp_path}/rows.csv --target a") == [
        "age",
        "amount, net",
        "answer",
    ]
    (tmp_path / "run").mkdir()
    asked = f"tfloss predict {tmp_path}/run {tmp_path}/rows.csv --id age,an"
    assert plain(asked) == ["age,answer"]


def test_columns_of_every_kind_of_file(tmp_path):
    import gzip

    import pyarrow
    from pyarrow import feather, parquet

    from tfloss.cli.column_names import column_names

    names = ["age", "amount, net", "answer"]
    (tmp_path / "rows.csv").write_text("\ufeff" + HEADER)
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(HEADER.encode()))
    (tmp_path / "rows.tsv").write_text("\t".join(names) + "\n")
    table = pyarrow.table({name: [1, 2] for name in names})
    parquet.write_table(table, tmp_path / "rows.parquet")
    feather.write_feather(table, tmp_path / "rows.feather")
    for ending in ("csv", "csv.gz", "tsv", "parquet", "feather"):
        assert column_names(tmp_path / f"rows.{ending}") == names, ending
    (tmp_path / "bad.parquet").write_text(HEADER)
    assert column_names(tmp_path / "bad.parquet") == []
    assert column_names(tmp_path / "rows.npz") == []
