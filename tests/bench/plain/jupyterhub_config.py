# A plain JupyterHub with DockerSpawner: their defaults, and what they cannot do without. See plainlab.py.
import os

c = get_config()  # noqa: F821 - JupyterHub gives it

c.JupyterHub.hub_ip = "0.0.0.0"  # of its own network, which nobody else is on
c.JupyterHub.hub_connect_ip = os.environ["PLAIN_NAME"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = os.environ["PLAIN_USER_IMAGE"]
c.DockerSpawner.network_name = os.environ["PLAIN_NAME"]
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.prefix = os.environ["PLAIN_NAME"]
c.DockerSpawner.remove = True
# What both labs get, so that neither fails for want of time on a busy machine.
c.DockerSpawner.start_timeout = 180
c.DockerSpawner.http_timeout = 180

c.JupyterHub.services = [{"name": "bench", "api_token": os.environ["PLAIN_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "bench",
        "services": ["bench"],
        "scopes": ["admin:users", "admin:servers", "access:servers", "read:hub"],
    }
]
