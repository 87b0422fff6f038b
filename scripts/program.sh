# The program with its environment, as it lies on a device: scripts/install makes it there, scripts/package
# for another one. Read by them after device.sh, never run.
program=(recorder config systemd pyproject.toml README.md requirements.lock requirements-build.lock)

# Its environment must be made at the place where it will be used, so that place is another folder for
# whoever makes it, and for nobody else.
inside() { # FOLDER COMMAND…
    mkdir -p "$target"
    unshare --mount sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$1" "$target" "${@:2}"
}
make_program() { # SOURCE FOLDER: in the folder, with the environment that may already be there
    local source=$1 folder=$2 part made=(scripts/setup "${@:3}")
    umask 022
    # With these, compiled files know their source by its hash (the clock may be wrong while they are made), and
    # name no folder that they were built in: the same sources give the same bytes.
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800} PYTHONHASHSEED=0 CFLAGS=-g0
    for part in "${program[@]}" "${made[@]}"; do
        [ -e "$source/$part" ] || refuse "$source/$part is missing: take the whole project"
    done
    # /tmp, and with a read-only root /var/tmp, are in memory, and a small board has none to spare for wheels.
    export TMPDIR=$folder/tmp
    mkdir "$TMPDIR"
    (cd "$source" && cp -r --parents "${program[@]}" "${made[@]}" "$folder")
    find "$folder" -path "$folder/.venv" -prune -o -name __pycache__ -prune -exec rm -rf {} +
    find "$folder" -path "$folder/.venv" -prune -o -exec chmod u=rwX,go=rX {} +
    inside "$folder" "$target/scripts/setup" device # it knows whether the environment fits
    inside "$folder" "$target/.venv/bin/python" -m compileall -q "$target/recorder" # its user cannot write there
    inside "$folder" "$target/.venv/bin/recorder" --version >/dev/null
    rm -r "$TMPDIR"
    unset TMPDIR
}
