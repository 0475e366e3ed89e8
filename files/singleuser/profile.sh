# shellcheck shell=sh
# Login shells forget the PATH of the container.
PATH=/opt/lab/bin:$PATH:/opt/packages/bin
