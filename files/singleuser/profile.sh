# Login shells forget the PATH of the container.
PATH=/opt/packages/bin:/opt/lab/bin:$PATH
