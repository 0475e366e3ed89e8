"""Settings: what is unknown, ill-typed or out of range is told by name."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _lab_rules, _variables

SPECS = {
    "hub_stack_port": {"type": "int"},
    "hub_config_signup": {"type": "str", "choices": ["closed", "moderated", "open"]},
    "hub_config_mounts": {
        "type": "list",
        "elements": "dict",
        "options": {"source": {"type": "str", "required": True}},
    },
    "hub_config_extra": {"type": "dict"},
    "hub_images_prune": {"type": "bool"},
    "hub_config_shared_packages": {"type": "str", "choices": ["open", "curated", "off"]},
}
CARD = "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952"
PREFIXES = ["hub_stack_", "hub_config_", "hub_images_"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"hub_stack_prot": 1}, "hub_stack_prot: there is no such setting. Did you mean hub_stack_port?"),
        ({"hub_stack_wholly_other": 1}, "hub_stack_wholly_other: there is no such setting."),
        ({"hub_config_signup": "opne"}, "hub_config_signup: value of hub_config_signup must be one of"),
        ({"hub_config_mounts": "a,b"}, "hub_config_mounts: 'a,b' is not a list."),
        ({"hub_config_extra": "x=1"}, "hub_config_extra: 'x=1' is not a dict."),
        ({"hub_config_signup": ["open"]}, "hub_config_signup: ['open'] is not a string."),
        ({"hub_config_signup": False}, "hub_config_signup: False is not a string; write it in quotes, 'False'."),
        ({"hub_config_shared_packages": True}, "hub_config_shared_packages: True is not a string"),
        ({"hub_config_shared_packages": "none"}, "hub_config_shared_packages: value of hub_config_shared_packages "),
        ({"hub_config_signup": 28.1}, "hub_config_signup: 28.1 is not a string; write it in quotes, '28.1'."),
        ({"hub_stack_port": "http"}, "hub_stack_port: argument 'hub_stack_port' is of type"),
        ({"hub_images_prune": "perhaps"}, "hub_images_prune: argument 'hub_images_prune' is of type"),
        ({"hub_config_mounts": [{}]}, "hub_config_mounts, row 1: missing required arguments: source"),
        ({"hub_config_mounts": [{"source": "/a"}, "b"]}, "hub_config_mounts, row 2: is a str, not a dictionary."),
        (
            {"hub_config_mounts": [{"source": "/a", "sorce": 1}]},
            "hub_config_mounts, row 1: sorce: no such key. There are: source.",
        ),
    ],
)
def test_a_wrong_setting_is_named(variables, told):
    (line,) = _variables.check(variables, SPECS, PREFIXES)
    assert line.startswith(told)


def test_right_settings_and_those_of_others_pass():
    variables = {
        "hub_stack_port": 8000,
        "hub_config_mounts": [{"source": "/a"}],
        "apache_port": "x",
        "hub_stackable": 1,
        # Such is off without quotes, in YAML.
        "hub_config_shared_packages": False,
    }
    assert _variables.check(variables, SPECS, PREFIXES) == []


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"lab_data_root": "srv/lab"}, "must be an absolute path"),
        ({"lab_data_root": "/"}, "must be an absolute path"),
        ({"lab_data_root": "/srv/../etc"}, "without '..'"),
        ({"lab_data_root": "/srv/my lab"}, "without spaces"),
        ({"lab_data_root": "/srv/$lab"}, "without any of : $"),
        ({"lab_extra_ca": ["ca.pem"]}, "must be an absolute path"),
        ({"hub_stack_doctor_json": "lab.json"}, "must be an absolute path"),
        ({"hub_config_database_url": "postgresql://hub:secret@db/hub"}, "'postgresql' databases are not supported"),
        ({"hub_config_network": "mine"}, "has to be the same as hub_stack_network"),
        ({"hub_config_shared_mounts": [{"source": "rel", "target": "/data"}]}, "must be an absolute path"),
        ({"hub_images_https_proxy": "proxy:3128"}, "is no web address"),
        ({"hub_stack_port": 0}, "ports are 1 to 65535"),
        ({"hub_stack_bind_address": "lab.example.org"}, "is not an IP address"),
        ({"lab_admin_name": "../../etc"}, "cannot name a user"),
        ({"lab_admin_name": "lab-probe"}, "is reserved"),
        ({"hub_config_user_memory": "4 gigs"}, "is no size"),
        ({"hub_config_user_cpus": -1}, "is negative"),
        ({"lab_http_proxy": "proxy:3128"}, "is no web address"),
        ({"hub_images_user_image": "custom:latest"}, "is no image name"),
        (
            {"hub_config_mounts": [{"source": "data", "target": "/data"}]},
            "source 'data' must be an absolute path",
        ),
        (
            {"hub_config_mounts": [{"source": "/d", "target": "/proc/x"}]},
            "would cover what the server itself needs",
        ),
        ({"hub_config_mounts": [{"source": "/d", "target": "/opt"}]}, "would cover what the server itself needs"),
        ({"hub_config_shared_mounts": [{"source": "/d", "target": "/opt/packages"}]}, "see hub_config_shared_packages"),
        (
            {"hub_config_mounts": [{"source": "/a", "target": "/d"}, {"source": "/b", "target": "/d"}]},
            "stands there twice",
        ),
        ({"hub_config_mounts": [{"source": "/d", "target": "/d", "groups": ["A b"]}]}, "cannot name a group"),
        ({"hub_config_services": [{"name": "ansible", "scopes": ["self"]}]}, "cannot name a service"),
        ({"hub_config_services": [{"name": "grader", "scopes": []}]}, "has no scopes"),
        ({"hub_config_user_environment": {"NVIDIA_VISIBLE_DEVICES": "all"}}, "past hub_config_gpu_access"),
        ({"hub_config_gpu_names": {"0": "A100"}}, "'0' is no UUID of a GPU"),
        *(
            ({"hub_config_gpu_access": rules}, told)
            for rules, told in [
                ([{"gpus": [0]}], "rule 1: 0 is no UUID of a GPU, GPU-... or MIG-... in full; nvidia-smi -L"),
                ([{"gpus": ["0"]}], "rule 1: '0' is no UUID"),
                ([{"gpus": ["nvidia.com/gpu=0"]}], "is no UUID"),
                ([{"gpus": [CARD[:-1]]}], "is no UUID"),
                ([{"gpus": [CARD.upper()]}], "is no UUID"),
                ([{"gpus": CARD}], "must be all, or a list of UUIDs"),
                ([{"gpus": 1}], "must be all, or a list of UUIDs"),
                ([{"gpus": None}], "must be all, or a list of UUIDs"),
                ([{"gpus": [CARD, CARD]}], f"rule 1: '{CARD}' stands there twice."),
                ([{"gpus": "all", "choice": "no"}], "rule 1: choice 'no' must be true or false"),
                ([{"gpus": [[CARD]]}], "is no UUID"),
                ([{"gpus": "all", "users": None}], "rule 1: users is empty; name some, or leave it out"),
                ([{"gpus": "all", "users": [7]}], "rule 1: '7' cannot name a user"),
                ([{"gpus": "all", "users": ["Ada L"]}], "rule 1: 'Ada L' cannot name a user"),
                ([{"gpus": "all", "groups": ["A b"]}], "rule 1: 'A b' cannot name a group"),
                (
                    [{"gpus": "all"}, {"gpus": [], "users": ["ada"]}],
                    "rule 2 never counts, as rule 1 is for everybody",
                ),
            ]
        ),
        *(
            ({"nvidia_container_toolkit_mig": [{"cards": [CARD], "slices": []}, entry]}, told)
            for entry, told in [
                ({"cards": ["0"], "slices": []}, "entry 2: '0' is no UUID of a card, GPU-... in full, and not all"),
                ({"cards": [CARD.replace("GPU", "MIG")], "slices": []}, "is no UUID of a card"),
                ({"cards": [CARD], "slices": ["1g.10gb"]}, f"entry 2: '{CARD}' stands in entry 1, too."),
                ({"cards": ["all"], "slices": ["1c.3g.40gb"]}, "entry 2: '1c.3g.40gb' is no profile, such as 3g.40gb"),
                ({"cards": ["all"], "slices": ["19"]}, "entry 2: '19' is no profile"),
            ]
        ),
        (
            {"hub_images_user_packages": ["numpy", "torch>=2"], "hub_images_gpu_packages": ["torch"]},
            "'torch>=2' is what hub_images_gpu_packages brings, too",
        ),
        ({"hub_images_base_source": "archive", "hub_images_base_archive": "/b.tar"}, "64 hex digits"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(values, part):
    (line,) = _lab_rules.check(values)
    assert line.split(":")[0] in [*values, "hub_images_base_archive_sha256"]
    assert part in line


def test_values_that_people_use_pass():
    values = {
        "lab_data_root": "/srv/jupyterhub",
        "hub_stack_bind_address": "::",
        "hub_config_user_memory": "1.5G",
        "lab_admin_name": "ada-l2",
        "hub_config_mounts": [{"source": "/data/{username}", "target": "/home/{username}/data", "groups": ["ml"]}],
        "hub_config_services": [{"name": "grader", "scopes": ["list:users"]}],
        "hub_config_user_environment": {"NVIDIA_DRIVER_CAPABILITIES": "all"},
        "hub_config_gpu_access": [
            {"users": ["ada", "bob"], "groups": ["ml"], "gpus": [CARD, CARD.replace("GPU", "MIG")]},
            {"users": [], "gpus": "all", "choice": True},
            {"gpus": []},
        ],
        "hub_config_gpu_names": {CARD: "A100"},
    }
    assert _lab_rules.check(values) == []


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (b"", "holds no certificate"),
        (b"\x30\x82\x03", "holds no certificate"),
        (
            "Universit\u00e4t\n-----BEGIN CERTIFICATE-----\n".encode("latin-1"),
            "is no UTF-8 text, line 1; keep the lines",
        ),
        ("Universit\u00e4t\n-----BEGIN CERTIFICATE-----\n".encode(), ""),
    ],
)
def test_a_file_that_cannot_serve_as_certificates(held, told):
    assert _lab_rules.certificates(held).startswith(told)
    assert bool(_lab_rules.certificates(held)) == bool(told)
