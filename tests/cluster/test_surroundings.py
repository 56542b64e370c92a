"""What TF_CONFIG, SLURM and SageMaker say: pure functions of the environment's variables."""

from __future__ import annotations

import json

import pytest

from tfloss.cluster.description import Cluster
from tfloss.cluster.slurm import hosts_of
from tfloss.cluster.surroundings import surrounding_cluster
from tfloss.errors import UsageError

TWO = ["a:2222", "b:2222"]


def tf_config(cluster, task):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


# -- TF_CONFIG -----------------------------------------------------------------------------------


def test_workers_of_tf_config():
    found = surrounding_cluster(tf_config({"worker": TWO}, {"type": "worker", "index": 1}))
    assert found == Cluster(("a:2222", "b:2222"), 1, "TF_CONFIG")
    assert not found.is_chief


@pytest.mark.parametrize(
    ("kind", "index", "place"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]
)
def test_a_chief_of_kubeflow_stands_before_the_workers(kind, index, place):
    jobs = {"worker": TWO, "chief": ["c:2222"]}
    found = surrounding_cluster(tf_config(jobs, {"type": kind, "index": index}))
    assert found.addresses == ("c:2222", "a:2222", "b:2222")
    assert found.index == place


def test_an_index_may_be_text():
    found = surrounding_cluster(tf_config({"worker": TWO}, {"type": "worker", "index": "1"}))
    assert found.index == 1


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": "  "},
        {"TF_CONFIG": "{}"},
        tf_config({}, {"type": "worker", "index": 0}),
        tf_config({"worker": ["a:1"]}, {"type": "worker", "index": 0}),
    ],
)
def test_one_process_is_no_cluster(environment):
    assert surrounding_cluster(environment) is None


def test_what_is_written_is_read_again():
    written = Cluster(("a:1", "b:2", "c:3"), 2, "TF_CONFIG")
    assert surrounding_cluster({"TF_CONFIG": written.as_tf_config()}) == written
    other = surrounding_cluster({"TF_CONFIG": written.as_tf_config(1)})
    assert other == Cluster(written.addresses, 1, "TF_CONFIG")


WORKER = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "is not an object"),
        ('{"cluster": [1]}', "'cluster' that is not an object"),
        ({"cluster": {"worker": TWO}}, "does not say which worker"),
        ({"cluster": {"worker": TWO}, "task": 3}, "does not say which worker"),
        ({"cluster": {"worker": "a:1"}, "task": WORKER}, "not a list of addresses"),
        ({"cluster": {"worker": []}, "task": WORKER}, "without an address"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": 2}}, "lists 2 of them"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": -1}}, "lists 2 of them"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": 0.5}}, "whole number"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": True}}, "whole number"),
        ({"cluster": {"worker": TWO}, "task": {"type": "chief"}}, "does not have; it has worker"),
        ({"cluster": {"worker": TWO}, "task": {"type": "evaluator"}}, "does not have"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": WORKER}, "two workers the address 'a:1'"),
        ({"cluster": {"worker": ["a:1", "b"]}, "task": WORKER}, "address 'b'; write host:port"),
        ({"cluster": {"worker": ["a:1", "b:0"]}, "task": WORKER}, "address 'b:0'"),
        ({"cluster": {"worker": ["a:1", "b:70000"]}, "task": WORKER}, "address 'b:70000'"),
        ({"cluster": {"worker": ["a:1", "b:²"]}, "task": WORKER}, "address 'b:²'"),
        ({"cluster": {"worker": ["a:1", "http://b:1"]}, "task": WORKER}, "write host:port"),
        ({"cluster": {"worker": TWO, "ps": ["c:1"]}, "task": WORKER}, "the job 'ps'"),
        ({"cluster": {"chief": ["c:1"], "master": ["d:1"]}, "task": WORKER}, "leave one"),
    ],
)
def test_a_wrong_tf_config_is_refused(text, words):
    text = text if isinstance(text, str) else json.dumps(text)
    with pytest.raises(UsageError, match=words) as refused:
        surrounding_cluster({"TF_CONFIG": text})
    assert "TF_CONFIG" in str(refused.value)


# -- SLURM ---------------------------------------------------------------------------------------


def slurm(rank=0, tasks="4", nodes="n[1-2]", each="2(x2)", **more):
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_STEP_NUM_TASKS": tasks,
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": each,
        "SLURM_JOB_ID": "4711",
        **more,
    }


def test_tasks_of_a_step():
    found = surrounding_cluster(slurm(rank=3))
    ports = ("n1:24711", "n1:24712", "n2:24711", "n2:24712")
    assert found == Cluster(ports, 3, "SLURM")


def test_nodes_with_different_numbers_of_tasks():
    found = surrounding_cluster(slurm(nodes="gpu01,login[3,7-8]", each="1,2(x2),1", tasks="6"))
    hosts = [address.split(":")[0] for address in found.addresses]
    assert hosts == ["gpu01", "login3", "login3", "login7", "login7", "login8"]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("n[08-11]", ["n08", "n09", "n10", "n11"]),
        ("n[1-2,m]".replace(",m", ",5"), ["n1", "n2", "n5"]),
        ("r[1-2]n[3-4]", ["r1n3", "r1n4", "r2n3", "r2n4"]),
        ("n[1-2]-ib,x.y.z", ["n1-ib", "n2-ib", "x.y.z"]),
    ],
)
def test_lists_of_hosts(text, hosts):
    assert hosts_of(text) == hosts


@pytest.mark.parametrize(
    "text", ["n[1-", "n]1", "n[a-b]", "n[2-1]", "n[]", ",a", "a,", "n[0-999999999]", "n[[1]]"]
)
def test_a_list_of_hosts_that_cannot_be_read(text):
    with pytest.raises(UsageError, match="SLURM_STEP_NODELIST"):
        hosts_of(text)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (slurm(rank="x"), "SLURM_PROCID is 'x'"),
        (slurm(rank=4), "this is worker 4 of 4"),
        (slurm(tasks="5"), "SLURM's variables disagree: 5 tasks, 2 nodes"),
        (slurm(each="2"), "disagree"),
        (slurm(each="two"), "cannot be read"),
        (slurm(SLURM_JOB_ID="job"), "SLURM_JOB_ID"),
        (slurm(rank=1, SLURM_LOCALID="0", SLURMD_NODENAME="n2"), "--distribution=block"),
    ],
)
def test_slurm_variables_that_cannot_be(environment, words):
    with pytest.raises(UsageError, match=words):
        surrounding_cluster(environment)


def test_the_batch_script_itself_is_alone():
    """Without srun, sbatch's script is a step of one task."""
    assert surrounding_cluster(slurm(tasks="1", nodes="n1", each="1")) is None
    assert surrounding_cluster({"SLURM_JOB_ID": "3", "SLURM_NTASKS": "4"}) is None


def test_tasks_in_the_order_of_the_nodes_are_accepted():
    own = {"SLURM_LOCALID": "1", "SLURMD_NODENAME": "n2"}
    assert surrounding_cluster(slurm(rank=3, **own)).index == 3


# -- SageMaker -----------------------------------------------------------------------------------


def test_machines_of_sagemaker():
    environment = {"SM_HOSTS": '["algo-2", "algo-1"]', "SM_CURRENT_HOST": "algo-2"}
    found = surrounding_cluster(environment)
    assert found == Cluster(("algo-1:2223", "algo-2:2223"), 1, "SageMaker")


def test_one_machine_of_sagemaker_is_alone():
    assert surrounding_cluster({"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}) is None


@pytest.mark.parametrize(
    ("hosts", "words"),
    [("algo-1", "not a list of hosts"), ("[1]", "not a list"), ('["b"]', "does not list")],
)
def test_sagemaker_variables_that_cannot_be(hosts, words):
    with pytest.raises(UsageError, match=words):
        surrounding_cluster({"SM_HOSTS": hosts, "SM_CURRENT_HOST": "a"})


def test_tf_config_goes_before_sagemaker_and_that_before_slurm():
    sagemaker = {"SM_HOSTS": '["s", "t"]', "SM_CURRENT_HOST": "s"}
    first = tf_config({"worker": TWO}, WORKER)
    assert surrounding_cluster({**first, **sagemaker, **slurm()}).source == "TF_CONFIG"
    assert surrounding_cluster({**sagemaker, **slurm()}).source == "SageMaker"


def test_tensorflow_reads_the_same(monkeypatch):
    """TensorFlow's own resolvers are the reference."""
    from tensorflow.python.distribute import cluster_resolver as resolvers
    from tensorflow.python.distribute.cluster_resolver import (
        sagemaker_cluster_resolver,
        slurm_cluster_resolver,
    )

    for text in ("n[08-11],m5", "a,b", "x[1-3,7]", "o[3-4,6,7-9]"):
        assert hosts_of(text) == slurm_cluster_resolver.expand_hostlist(text)
    monkeypatch.setenv("SM_HOSTS", '["algo-2", "algo-1"]')
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-2")
    theirs = (
        sagemaker_cluster_resolver.SageMakerClusterResolver().cluster_spec().as_dict()["worker"]
    )
    ours = surrounding_cluster({"SM_HOSTS": '["algo-2", "algo-1"]', "SM_CURRENT_HOST": "algo-2"})
    assert list(ours.addresses) == theirs
    monkeypatch.setenv("TF_CONFIG", ours.as_tf_config())
    resolver = resolvers.TFConfigClusterResolver()
    assert resolver.cluster_spec().as_dict() == {"worker": list(ours.addresses)}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)
