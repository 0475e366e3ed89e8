# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What an argument spec cannot say about the lab's settings: form, range, and what fits with what. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._gpu_cuda import named_twice
from ._gpu_rules import driver_branch, environment, gpu_access, gpu_names, mig_layout
from ._name_rules import group_name, user_name

_SERVICE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_SIZE = re.compile(r"[1-9][0-9]*(\.[0-9]+)?[KMGT]?")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
Rule = Callable[[Any], "str | None"]


def directory(value: str) -> str | None:
    """Say why *value* cannot be a directory that the lab keeps its things in."""
    if not value.startswith("/") or value.rstrip("/") == "" or ".." in value.split("/"):
        return f"{value!r} must be an absolute path below /, without '..'."
    # Compose and Docker's short forms give these a meaning of their own.
    if re.search(r"""[:$"'\\,\s]""", value):
        return f"{value!r} must be a path without spaces and without any of : $ \" ' , and the backslash."
    return None


def file_here(value: str) -> str | None:
    """Say why *value* cannot name a file on the machine that runs Ansible."""
    if value == "" or value.startswith(("/", "~")) or re.match(r"https?://", value):
        return None
    return f"{value!r} must be an absolute path, so that it means the same from everywhere."


def path_here(value: str) -> str | None:
    """Say why *value* cannot name a file or directory to write on the machine that runs Ansible."""
    if value == "" or value.startswith("/"):
        return None
    return f"{value!r} must be an absolute path, so that it means the same from everywhere."


def database(value: str) -> str | None:
    """Say why *value* cannot be the hub's database."""
    if value.startswith("sqlite:///"):
        return None
    return f"{value.partition(':')[0]!r} databases are not supported; write sqlite:////srv/state/NAME.sqlite."


def port(value: Any) -> str | None:
    """Say why *value* cannot be a TCP port."""
    if 1 <= int(value) <= 65535:
        return None
    return f"{value} is not a port; ports are 1 to 65535."


def address(value: str) -> str | None:
    """Say why *value* cannot be listened on."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"{value!r} is not an IP address, such as 0.0.0.0 or 127.0.0.1."
    return None


def size(value: str) -> str | None:
    """Say why *value* is no amount of memory."""
    if value == "" or _SIZE.fullmatch(str(value)):
        return None
    return f"{value!r} is no size; write a number with K, M, G or T, such as 512M or 4G, or '' for no limit."


def not_negative(value: Any) -> str | None:
    """Say why *value* is no amount."""
    return None if float(value) >= 0 else f"{value} is negative; write 0 for no limit."


def web_address(value: str) -> str | None:
    """Say why *value* is no proxy's or mirror's address."""
    if value == "" or re.fullmatch(r"https?://[^\s/]+.*", value):
        return None
    return f"{value!r} is no web address; write http://HOST:PORT, or '' for none."


def image_name(value: str) -> str | None:
    """Say why *value* cannot name an image without a tag."""
    if re.fullmatch(r"[a-z0-9]+([._/-][a-z0-9]+)*", value):
        return None
    return f"{value!r} is no image name; write lower-case letters, digits and . _ - / between them, and no tag."


def mounts(value: list[dict]) -> Iterator[str]:
    """Yield what is wrong with a list of mounts."""
    seen: set[str] = set()
    for mount in value:
        for end in ("source", "target"):
            wrong = directory(mount.get(end, ""))
            if wrong:
                yield f"{end} {wrong}"
        target = mount.get("target", "")
        if target in seen:
            yield f"target {target!r} stands there twice; a path can hold one mount."
        if re.match(r"/(proc|sys|dev|etc|opt/lab)(/|$)|/opt/?$", target):
            yield f"target {target!r} would cover what the server itself needs; mount it elsewhere."
        if re.match(r"/opt/packages(/|$)", target):
            yield f"target {target!r} is the shared packages' place; see hub_config_shared_packages."
        seen.add(target)


def services(value: list[dict]) -> Iterator[str]:
    """Yield what is wrong with a list of API services."""
    seen: set[str] = set()
    for service in value:
        name = service.get("name", "")
        if not _SERVICE_NAME.fullmatch(name) or name == "ansible":
            yield f"{name!r} cannot name a service (lower-case letters, digits, _ and -; 'ansible' is the lab's own)."
        if name in seen:
            yield f"service {name!r} stands there twice."
        if not service.get("scopes"):
            yield f"service {name!r} has no scopes, so its token could do nothing; name some, e.g. list:users."
        seen.add(name)


def groups_of_mounts(value: list[dict]) -> Iterator[str]:
    """Yield group names that JupyterHub would not take."""
    for mount in value:
        yield from (wrong for wrong in map(group_name, mount.get("groups", [])) if wrong)


_SINGLE: dict[str, Rule] = {
    "lab_data_root": directory,
    "hub_config_data_root": directory,
    "hub_stack_data_root": directory,
    "hub_images_data_root": directory,
    "docker_engine_data_root": lambda value: directory(value) if value else None,
    "hub_stack_docker_data_root": lambda value: directory(value) if value else None,
    "hub_config_database_url": database,
    "hub_images_base_archive": file_here,
    "docker_engine_bundle": path_here,
    "hub_images_bundle": path_here,
    "lab_bundle": path_here,
    "hub_stack_doctor_json": path_here,
    "hub_stack_doctor_bundle": path_here,
    "hub_stack_port": port,
    "hub_stack_bind_address": address,
    "hub_config_admin_name": user_name,
    "lab_admin_name": user_name,
    "hub_config_user_memory": size,
    "hub_config_user_shm": size,
    "hub_config_user_cpus": not_negative,
    "hub_config_user_environment": environment,
    "hub_config_gpu_names": gpu_names,
    **{
        f"{owner}_{scheme}_proxy": web_address
        for owner in ("lab", "docker_engine", "hub_config", "hub_images", "nvidia_driver", "nvidia_container_toolkit")
        for scheme in ("http", "https")
    },
    "hub_images_base_mirror": web_address,
    "nvidia_driver_debian_mirror": web_address,
    "nvidia_driver_repository_url": web_address,
    "nvidia_container_toolkit_repository_url": web_address,
    "nvidia_driver_repository_key": file_here,
    "nvidia_container_toolkit_repository_key": file_here,
    "nvidia_driver_branch": driver_branch,
    "hub_images_user_image": image_name,
}
# Settings of two roles that have to agree, and the lab-wide one that sets both.
_TWINS = [
    ("hub_config_hub_uid", "hub_stack_hub_uid", "lab_hub_uid"),
    ("hub_config_network", "hub_stack_network", "lab_network"),
    ("hub_config_data_root", "hub_stack_data_root", "lab_data_root"),
    ("hub_config_data_root", "hub_images_data_root", "lab_data_root"),
    ("hub_config_admin_name", "hub_stack_admin_name", "lab_admin_name"),
]
_MANY: dict[str, tuple[Callable[[list], Iterator[str]], ...]] = {
    "hub_config_shared_mounts": (mounts, groups_of_mounts),
    "hub_config_mounts": (mounts, groups_of_mounts),
    "hub_config_services": (services,),
    "hub_config_gpu_access": (gpu_access,),
    "nvidia_container_toolkit_mig": (mig_layout,),
}


def check(values: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with well-typed *values*.

    :param values: settings by name; a setting that is not there has its default, which is right.
    :returns: one line per fault, each beginning with the setting's name.
    """
    lines = [f"{name}: {rule(values[name])}" for name, rule in _SINGLE.items() if name in values and rule(values[name])]
    for name, rules in _MANY.items():
        lines += [f"{name}: {fault}" for rule in rules for fault in rule(values.get(name, []))]
    return lines + [line for rule in (_base_archive, _gpu_packages, _twins, _files) for line in rule(values)]


def certificates(held: bytes) -> str:
    """Say why a file's content cannot serve as CA certificates; '' if it can."""
    if b"-----BEGIN CERTIFICATE-----" not in held:
        return "holds no certificate in PEM form."
    try:
        held.decode()
    except UnicodeDecodeError as error:
        line = held[: error.start].count(b"\n") + 1
        return f"is no UTF-8 text, line {line}; keep the lines from each BEGIN CERTIFICATE to its END CERTIFICATE only."
    return ""


def _twins(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield settings that differ from their twin in another role, and would set the two parts at odds."""
    for one, other, both in _TWINS:
        if (one in values or other in values) and values.get(one) != values.get(other):
            yield f"{one}: has to be the same as {other}; leave both alone, and set {both}."


def _files(values: Mapping[str, Any]) -> Iterator[str]:
    for name in ("lab_extra_ca", "hub_config_extra_ca", "hub_images_extra_ca"):
        yield from (f"{name}: {wrong}" for wrong in map(file_here, values.get(name, [])) if wrong)


def _gpu_packages(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield packages that two settings bring: the one's build need not be for the CUDA that the other chooses."""
    twice = named_twice(values.get("hub_images_user_packages", []), values.get("hub_images_gpu_packages", []))
    for name in twice:
        yield f"hub_images_user_packages: {name!r} is what hub_images_gpu_packages brings, too; name it in one of them."


def _base_archive(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("hub_images_base_source") != "archive":
        return
    if not values.get("hub_images_base_archive"):
        yield "hub_images_base_archive: must name the file, as hub_images_base_source is archive."
    if not _SHA256.fullmatch(values.get("hub_images_base_archive_sha256", "")):
        yield "hub_images_base_archive_sha256: must be the archive's 64 hex digits, as sha256sum prints them."
