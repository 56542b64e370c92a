"""Files that try to run something, and the program that opens each of them under an audit hook."""

from __future__ import annotations

import io
import json
import marshal
import pickle
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DATA = "a,b,y\n1,2,no\n2,1,yes\n3,1,no\n4,5,yes\n2,2,no\n3,4,yes\n5,1,no\n6,2,yes\n"
ROWS = ("--target", "y", "--epochs", "1", "--train-size", "6", "--teacher-fit", "train")
SHOWN = "hostile-shown"  # what every payload prints if it runs


class Payload:
    """Pickles to a call of os.system."""

    def __reduce__(self) -> Any:
        import os

        return os.system, (f"echo {SHOWN}",)


def evil_pickle() -> bytes:
    return pickle.dumps(Payload())


# -- .keras ----------------------------------------------------------------------------------------


def keras_file(path: Path, change: Callable[[dict[str, Any]], Any], **more: bytes | str) -> None:
    """An honest model of two features with its description changed, and members added."""
    with zipfile.ZipFile(path.parent / "honest.keras") as honest:
        members = {name: honest.read(name) for name in honest.namelist()}
    config = json.loads(members["config.json"])
    changed = change(config)
    members["config.json"] = json.dumps(config if changed is None else changed).encode()
    for name, content in more.items():
        members[name] = content.encode() if isinstance(content, str) else content
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def layer(module: str, name: str, **config: Any) -> Callable[[dict[str, Any]], None]:
    """Put a layer of this class behind the others."""

    def change(model: dict[str, Any]) -> None:
        settings = {"name": "extra", "trainable": True, **config}
        entry = {"module": module, "class_name": name, "config": settings, "registered_name": None}
        model["config"]["layers"].append(entry)

    return change


def lambda_code() -> dict[str, Any]:
    code = compile(f"__import__('os').system('echo {SHOWN}')", "x", "eval")
    return {"class_name": "__lambda__", "config": {"code": b64encode(marshal.dumps(code)).decode()}}


def activation(value: Any) -> Callable[[dict[str, Any]], None]:
    def change(model: dict[str, Any]) -> None:
        model["config"]["layers"][1]["config"]["activation"] = value

    return change


def compiled_inside(model: dict[str, Any]) -> None:
    """A model as a layer, compiled with a loss of another module: Keras compiles it again."""
    loss = function_of("evil_module", "run")
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
               "config": {"batch_shape": [None, 1], "name": "i"}}]  # fmt: skip
    layer("keras", "Sequential", layers=layers)(model)
    model["config"]["layers"][-1]["compile_config"] = {"optimizer": "adam", "loss": loss}


def function_of(module: str, name: str) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }


def h5(make: Callable[[Any], None]) -> bytes:
    """Weights whose first kernel is something else than numbers in this file."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        make(file.create_group("layers/dense/vars"))
    return content.getvalue()


def external_link(group: Any) -> None:
    import h5py

    group["0"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(group: Any) -> None:
    import h5py

    group["0"] = h5py.SoftLink("/layers")


def external_data(group: Any) -> None:
    group.create_dataset("0", (2, 1), "f4", external=[("/etc/passwd", 0, 8)])


def virtual_data(group: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((2, 1), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 1))
    group.create_virtual_dataset("0", layout)


def deep(_: dict[str, Any]) -> Any:
    return json.loads("[" * 900 + "]" * 900)


# -- other archives --------------------------------------------------------------------------------


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def bomb(path: Path, name: str) -> None:
    """An archive whose directory says that a member unpacks to 8 GiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, b"0" * 1000)
        file.filelist[0].file_size = 8 << 30


def npy(values: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, values, allow_pickle=True)
    return content.getvalue()


def skops(path: Path, node: dict[str, Any]) -> None:
    schema = {"protocol": 2, "_skops_version": "0.14", **node}
    archive(path, **{"schema.json": json.dumps(schema).encode()})


def skops_node(loader: str, module: str, name: str, content: Any) -> dict[str, Any]:
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": loader,
        "__id__": 1,
        "content": content,
    }


def evil_parquet(path: Path) -> None:
    """A column of an extension type that older pyarrow unpickled."""
    import pyarrow as pa
    from pyarrow import parquet

    kind = {b"ARROW:extension:name": b"arrow.py_extension_type"}
    kind[b"ARROW:extension:metadata"] = evil_pickle()
    field = pa.field("a", pa.int64(), metadata=kind)
    schema = pa.schema([field, pa.field("y", pa.string())])
    parquet.write_table(pa.table([[1, 2, 3, 4], ["n", "y", "n", "y"]], schema=schema), path)


# -- all of them -----------------------------------------------------------------------------------


def model(path: str) -> list[str]:
    return ["train", "--loss", "bce", "--data", "good.csv", *ROWS, "--model", path]


def teacher(text: str) -> list[str]:
    return ["train", "--loss", "bce + kl", "--data", "good.csv", *ROWS, "--teacher", text]


def data(path: str) -> list[str]:
    return ["train", "--loss", "bce", "--data", path, "--target", "y", "--epochs", "1"]


def config(path: str) -> list[str]:
    return ["train", "--config", path]


def toml(path: Path, **values: Any) -> None:
    import tomli_w

    base = {"formula": "bce", "data": "good.csv", "target": "y", "epochs": 1, "train_size": 6}
    path.write_text(tomli_w.dumps(base | values))


def search(folder: Path) -> None:
    """A search that was begun elsewhere."""
    folder.mkdir()
    config = {"data": "good.csv", "target": "y", "teacher": ["evil_module:make"]}
    plan = {"formula": "bce + {0..1}*kl", "optimizer": "adam", "baseline": "", "config": config}
    (folder / "search.json").write_text(json.dumps(plan))


def unfinished(folder: Path) -> None:
    """A run that was begun elsewhere."""
    folder.mkdir()
    toml(folder / "config.toml", model="evil_module.sub:make")


# Name of the file, what makes it, the command, its exit code, a word of the safe way.
CASES: list[tuple[str, Callable[[Path], None], Callable[[str], list[str]], int, str]] = [
    (
        "lambda.keras",
        lambda p: keras_file(p, layer("keras.layers", "Lambda", function=lambda_code())),
        model,
        2,
        "package.module:factory",
    ),
    ("code.keras", lambda p: keras_file(p, activation(lambda_code())), model, 2, "module:factory"),
    ("class.keras", lambda p: keras_file(p, layer("evil_module", "Evil")), model, 2, ":factory"),
    (
        "function.keras",
        lambda p: keras_file(p, activation(function_of("evil_module", "run"))),
        model,
        2,
        ":factory",
    ),
    (
        "system.keras",
        lambda p: keras_file(p, activation(function_of("os", "system"))),
        model,
        2,
        ":factory",
    ),
    (
        "builtin.keras",
        lambda p: keras_file(p, activation(function_of("builtins", "exec"))),
        model,
        4,
        "cannot be loaded",
    ),
    (
        "utility.keras",
        lambda p: keras_file(p, activation(function_of("keras.utils", "get_file"))),
        model,
        2,
        ":factory",
    ),
    (
        "dotted.keras",
        lambda p: keras_file(p, activation(function_of("keras", "utils.plot_model"))),
        model,
        2,
        ":factory",
    ),
    ("nested.keras", lambda p: keras_file(p, compiled_inside), model, 2, ":factory"),
    (
        "elsewhere.keras",
        lambda p: keras_file(p, layer("keras.layers", "TFSMLayer", filepath="x")),
        model,
        2,
        ":factory",
    ),
    (
        "escape.keras",
        lambda p: keras_file(p, lambda c: None, **{"../../escaped.txt": "x"}),
        model,
        2,
        "leads out of the archive",
    ),
    (
        "absolute.keras",
        lambda p: keras_file(p, lambda c: None, **{"/tmp/escaped.txt": "x"}),
        model,
        2,
        "leads out of the archive",
    ),
    (
        "extra.keras",
        lambda p: keras_file(p, lambda c: None, **{"evil.py": "x"}),
        model,
        2,
        "which a .keras file does not have",
    ),
    ("bomb.keras", lambda p: bomb(p, "config.json"), model, 2, "would unpack"),
    ("deep.keras", lambda p: keras_file(p, deep), model, 4, "cannot be loaded"),
    ("pickle.keras", lambda p: p.write_bytes(evil_pickle()) and None, model, 2, "model.save"),
    *(
        (
            f"{make.__name__}.keras",
            lambda p, make=make: keras_file(p, lambda c: None, **{"model.weights.h5": h5(make)}),
            model,
            4,
            "cannot be loaded",
        )
        for make in (external_link, soft_link, external_data, virtual_data)
    ),
    ("network.keras", lambda p: keras_file(p, layer("evil_module", "Evil")), teacher, 2, "factory"),
    (
        "system.skops",
        lambda p: skops(p, skops_node("FunctionNode", "os", "system", "x")),
        teacher,
        2,
        "trust=[",
    ),
    (
        "object.skops",
        lambda p: skops(p, skops_node("ObjectNode", "evil_module", "Evil", None)),
        teacher,
        2,
        "trust=[",
    ),
    ("pickle.skops", lambda p: p.write_bytes(evil_pickle()) and None, teacher, 4, "cannot be"),
    ("bomb.skops", lambda p: bomb(p, "schema.json"), teacher, 2, "would unpack"),
    (
        "escape.skops",
        lambda p: archive(p, **{"schema.json": b"{}", "../escaped": b"x"}),
        teacher,
        2,
        "leads out of the archive",
    ),
    ("teacher.pkl", lambda p: p.write_bytes(evil_pickle()) and None, teacher, 2, "skops"),
    ("teacher.joblib", lambda p: p.write_bytes(evil_pickle()) and None, teacher, 2, "skops"),
    ("model.pkl", lambda p: p.write_bytes(evil_pickle()) and None, model, 2, "model.save"),
    ("data.pickle", lambda p: p.write_bytes(evil_pickle()) and None, data, 2, "CSV"),
    ("pickle.npz", lambda p: p.write_bytes(evil_pickle()) and None, data, 4, "cannot be read"),
    (
        "objects.npz",
        lambda p: archive(p, **{"x.npy": npy(np.array([Payload()], object)), "y.npy": npy([1])}),
        data,
        4,
        "cannot be read",
    ),
    ("bomb.npz", lambda p: bomb(p, "x.npy"), data, 2, "would unpack"),
    (
        "escape.npz",
        lambda p: archive(p, **{"../x.npy": npy(np.ones(3))}),
        data,
        2,
        "leads out of the archive",
    ),
    ("pickle.csv", lambda p: p.write_bytes(evil_pickle()) and None, data, 4, ""),
    ("pickle.parquet", lambda p: p.write_bytes(evil_pickle()) and None, data, 4, "cannot be read"),
    ("extension.parquet", evil_parquet, data, 0, ""),  # read as the whole numbers that it holds
    ("model.toml", lambda p: toml(p, model="evil_module.sub:make"), config, 2, "--model"),
    ("teacher.toml", lambda p: toml(p, teacher=["t=evil_module:make"]), config, 2, "--teacher"),
    ("text.toml", lambda p: toml(p, teacher="evil_module:make"), config, 2, "--teacher"),
    (
        "list.toml",
        lambda p: toml(p, model=["evil_module.sub:make"]),
        config,
        2,
        "'model' cannot be",
    ),
    (
        "lists.toml",
        lambda p: toml(p, teacher=[["evil_module:make"]]),
        config,
        2,
        "'teacher' cannot",
    ),
    (
        "inner.toml",
        lambda p: toml(p, teacher=["bag(estimator=evil_module.make(x=1))"]),
        config,
        2,
        "--teacher",
    ),
    (
        "trust.toml",
        lambda p: toml(p, teacher=["object.skops:trust=[evil_module.Evil]"]),
        config,
        2,
        "--teacher",
    ),
    (
        "unfinished",
        unfinished,
        lambda p: ["train", "--resume", p],
        2,
        "--model",
    ),
    (
        "search",
        search,
        lambda p: ["search", "--resume", p],
        2,
        "--teacher",
    ),
    (
        "compare.toml",
        lambda p: toml(p, model="evil_module.sub:make", formulas=["bce"]),
        lambda p: ["compare", "--config", p],
        2,
        "--model",
    ),
]


def make_all(folder: Path) -> None:
    """Write every artefact, and what they lead to."""
    import keras

    (folder / "good.csv").write_text(DATA)
    evil = f"print('{SHOWN}')\n"
    (folder / "evil_module").mkdir()
    for name in ("__init__", "sub"):
        (folder / "evil_module" / f"{name}.py").write_text(evil)
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    network.save(folder / "honest.keras")
    for name, make, *_ in CASES:
        make(folder / name)


# -- the program -----------------------------------------------------------------------------------

ENDS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
CALLS = ("pickle.find_class", "socket.connect", "ctypes.dlopen", "webbrowser.open")


def main() -> None:
    """Open each artefact; one line of JSON for each: name, exit code, what it said, the events."""
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from tests.cli.running import tfloss

    folder = Path.cwd().resolve()
    sys.path.insert(0, str(folder))  # what the artefacts name could be imported
    for honest in (model("honest.keras"), teacher("lr"), teacher("nowhere.skops")):
        answer = tfloss(*honest)  # whatever is imported lazily has been, after this
        assert answer.code == 0 or "no file" in answer.err, answer.err
    import skops.io

    skops.io.get_untrusted_types(data=skops.io.dumps([1]))
    events: list[str] = []
    watching = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching:
            return
        if event in ENDS or event in CALLS:
            events.append(f"{event} {arguments!r:.200}")
        elif event == "import" and str(arguments[0]).startswith("evil"):
            events.append(f"import {arguments[0]}")
        elif event == "open" and _writes(arguments) and _outside(arguments[0], folder):
            events.append(f"open {arguments[0]} {arguments[1]}")

    sys.addaudithook(hook)
    for name, _, command, *_ in CASES:
        events.clear()
        watching = True
        answer = tfloss(*command(name))
        watching = False
        found = {"name": name, "code": answer.code, "err": answer.err, "events": list(events)}
        found["shown"] = SHOWN in answer.out + answer.err
        print(json.dumps(found), flush=True)


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    return bool(flags & 3) if mode is None else any(letter in mode for letter in "wax+")


def _outside(path: Any, folder: Path) -> bool:
    if not isinstance(path, str):
        return False
    whole = str(Path(path).resolve())
    temporary = whole.startswith(("/tmp/tmp", "/dev/"))
    return not (whole.startswith(str(folder)) or temporary or "__pycache__" in whole)


if __name__ == "__main__":
    main()
