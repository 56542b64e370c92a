"""Bad commands get one sentence with the remedy, the right exit code, and no traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.running import tfloss

BCE = ("train", "--loss", "bce")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "good.csv").write_text("a,b,y\n1,2,no\n2,1,yes\n3,1,no\n4,5,yes\n2,2,no\n3,4,yes\n")
    (folder / "nan.csv").write_text("a,b,y\n1,inf,no\n2,1,yes\n3,1,no\n4,5,yes\n")
    (folder / "text.csv").write_text("a,b,y\n1,red,no\n2,3,yes\n3,4,no\n4,5,yes\n")
    (folder / "one.csv").write_text("a,b,y\n1,2,no\n2,1,no\n3,1,no\n4,5,no\n")
    (folder / "quantity.csv").write_text("a,y\n1,0.5\n2,1.5\n3,2.25\n4,3.5\n")
    (folder / "broken.parquet").write_text("this is no parquet")
    np.savez(folder / "objects.npz", x=np.ones((3, 2)), y=np.array([{}, 1, "a"], object))
    (folder / "broken.toml").write_text("formula = ")
    (folder / "unknown.toml").write_text('formula = "bce"\nepoch = 3\n')
    (folder / "wrong.toml").write_text('formula = "bce"\nepochs = "many"\n')
    (folder / "code.toml").write_text('formula = "bce"\nmodel = "os.path:join"\n')
    (folder / "teacher.toml").write_text('formula = "bce"\nteacher = ["t=os:system"]\n')
    (folder / "broken.keras").write_bytes(b"this is no model")
    (folder / "inf.csv").write_text("a,b,y\n1,inf,no\n2,1,yes\n3,1,no\n4,5,yes\n")
    (folder / "evil.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    return folder


# Arguments ({} is the folder of files), exit code, words of the sentence.
COMMANDS = [
    # the formula
    ([*BCE[:2], "bec"], 2, "'bce'?"),
    ([*BCE[:2], ""], 2, "No formula was given"),
    ([*BCE[:2], "bce +"], 2, "ends too early"),
    ([*BCE[:2], "bce + 0.1 abs_kl"], 2, "missing before 'abs_kl'"),
    ([*BCE[:2], "3"], 2, "has no loss"),
    ([*BCE[:2], "1e999*bce"], 2, "too large"),
    ([*BCE[:2], "bce/0"], 2, "not a finite number"),
    ([*BCE[:2], "bce - entropy"], 2, "--allow-negative"),
    ([*BCE[:2], "huber(dleta=1)"], 2, "Did you mean 'delta'"),
    ([*BCE[:2], "focal(gamma=-1)"], 2, "is -1 but must not be negative"),
    ([*BCE[:2], "kd(temperature=0)", "--teacher", "rf"], 2, "is 0 but must be positive"),
    ([*BCE[:2], "bce(labels, logits, probs)"], 2, "takes 2 tensors"),
    ([*BCE[:2], "kl"], 2, "--teacher"),
    ([*BCE[:2], "kl(teacher=rf)", "--teacher", "gpc"], 2, "no tensor 'rf'"),
    ([*BCE[:2], "mse(hidden9, labels)"], 2, "Did you mean 'hidden"),
    ([*BCE[:2], "ce"], 2, "use bce"),
    ([*BCE[:2], "mse(hidden1, labels)"], 2, "mse"),
    ([*BCE[:2], "bce + constrain(l2, below=-1)"], 2, "cannot come down to -1"),
    ([*BCE[:2], "bce + 2*constrain(l2, below=1)"], 2, "without a coefficient"),
    ([*BCE, "--balance", "pcgrad"], 2, "weighs two terms or more"),
    ([*BCE[:2], "bce + abs_kl", "--balance", "pcgard"], 2, "Did you mean 'pcgrad'"),
    (["compare", "bce + mse", "--balance", "dwa:heat=1"], 2, "no setting 'heat'"),
    ([*BCE, "--watch", "weights"], 2, "write gradients"),
    ([*BCE, "--watch", "gradients", "--compile", "eager"], 2, "compiled step"),
    # the other options
    ([*BCE, "--columns", "hidden1"], 2, "'hidden1' is a student layer already"),
    (["train"], 2, "No formula was given"),
    (["trian"], 2, "Did you mean 'train'"),
    ([*BCE, "--epochs", "0"], 2, "epochs"),
    ([*BCE, "--batch-size", "-1"], 2, "batch-size"),
    ([*BCE, "--seed", "-1"], 2, "seed"),
    ([*BCE, "--no-such-option"], 2, "no-such-option"),
    ([*BCE, "--train-size", "5", "--train-fraction", "0.5"], 2, "choose one"),
    ([*BCE, "--optimizer", "sdg"], 2, "Did you mean 'sgd'"),
    ([*BCE, "--optimizer", "sgd:0.1"], 2, "sgd:learning_rate=0.1"),
    ([*BCE, "--optimizer", "sgd:rate=0.1"], 2, "refuses the optimizer"),
    ([*BCE, "--model", "mpl:10"], 2, "Did you mean 'mlp'"),
    ([*BCE, "--model", "mlp:10,activatoin=relu"], 2, "Did you mean 'activation'"),
    ([*BCE, "--model", "mlp:ten"], 2, "mlp"),
    ([*BCE, "--model", "mlp:10,kernel_initializer=best"], 2, "initializer 'best'"),
    ([*BCE, "--model", "nowhere.keras"], 2, "no file"),
    ([*BCE, "--recipe", "artcle"], 2, "Did you mean 'article'"),
    ([*BCE, "--recipe", "article", "--config", "x.toml"], 2, "choose one"),
    ([*BCE, "--config", "{}/nowhere.toml"], 2, "no configuration"),
    ([*BCE, "--config", "{}/broken.toml"], 2, "cannot be read"),
    ([*BCE, "--config", "{}/unknown.toml"], 2, "Did you mean 'epochs'"),
    ([*BCE, "--config", "{}/wrong.toml"], 2, "cannot be 'many'"),
    (["--no-plugin", "losses-xyz", "losses"], 2, "not installed"),
    (["losses", "focl"], 2, "Did you mean 'focal'"),
    (["evaluate", "{}"], 2, "not the folder of a finished run"),
    (["predict", "{}", "iris"], 2, "not the folder of a finished run"),
    ([*BCE, "--on-nan", "halt"], 2, "on-nan"),
    ([*BCE, "--model", "{}/evil.pkl"], 2, "model.save"),
    ([*BCE, "--model", "{}/broken.keras"], 2, "not a complete .keras file"),
    (["train", "--config", "{}/code.toml"], 2, "--model os.path:join"),
    (["train", "--config", "{}/teacher.toml"], 2, "--teacher t=os:system"),
    (["compare", "bce", "--config", "{}/code.toml"], 2, "--model os.path:join"),
    (["plugins", "--limit", "0"], 2, "limit"),
    # teachers
    ([*BCE, "--teacher", "gpcc"], 2, "Did you mean 'gpc'"),
    ([*BCE, "--teacher", "rf:n_estimatorz=3"], 2, "Did you mean 'n_estimators'"),
    ([*BCE, "--teacher", "gpc", "--teacher", "rf"], 2, "name of its own"),
    ([*BCE, "--teacher", "logits=gpc"], 2, "cannot be called 'logits'"),
    ([*BCE, "--teacher", "{}/evil.pkl"], 2, "pickle"),
    # data
    ([*BCE, "--data", "brest_cancer"], 2, "Did you mean 'breast_cancer'"),
    ([*BCE, "--data", "{}/nowhere.csv", "--target", "y"], 4, "no file"),
    ([*BCE, "--data", "{}/good.csv", "--target", "z"], 4, "no column 'z'"),
    ([*BCE, "--data", "{}/nan.csv", "--target", "y"], 4, "'b' of 'nan.csv' holds 'inf' in row 0"),
    ([*BCE, "--data", "{}/text.csv", "--target", "y"], 4, "holds 'red' in row 0"),
    ([*BCE, "--data", "{}/one.csv", "--target", "y"], 4, "class"),
    ([*BCE, "--data", "{}/good.csv", "--target", "y", "--train-size", "1"], 4, "2 classes"),
    ([*BCE, "--data", "{}/broken.parquet", "--target", "y"], 4, "cannot be read"),
    ([*BCE, "--data", "{}/objects.npz"], 4, "cannot be read"),
    ([*BCE, "--data", "{}/evil.pkl"], 2, "CSV, Parquet or NPZ"),
    ([*BCE, "--data", "{}/inf.csv", "--target", "y"], 4, "inf"),
    # numerics
    ([*BCE, "--optimizer", "sgd:learning_rate=1e38", "--epochs", "50"], 3, "not a finite number"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), COMMANDS, ids=lambda x: str(x)[:60])
def test_bad_command(files, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    answer = tfloss(*(argument.replace("{}", str(files)) for argument in arguments))
    assert words in answer.err
    assert answer.code == code
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_debug_shows_the_traceback():
    from tfloss.errors import UsageError

    with pytest.raises(UsageError):
        tfloss("--debug", *BCE[:2], "bec")
