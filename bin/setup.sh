# Sourced by the commands in this folder: builds .venv from the lock on first use, and again when
# the lock changes.
# `lock` names the lock file; the development lock includes everything in the other one.

lock="${lock:-requirements.lock}"
stamp=".venv/.installed"
wanted="$(cksum requirements.lock "$lock")"

is_set_up() { [ -x .venv/bin/python ] && [ "$(cat "$stamp.$lock" 2>/dev/null)" = "$wanted" ]; }

set_up() {
    python="${PYTHON:-}"
    for candidate in python3.11 python3.12 python3.13 python3; do
        [ -n "$python" ] || ! command -v "$candidate" >/dev/null || python="$candidate"
    done
    suits='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
    if ! "$python" -c "$suits" 2>/dev/null; then
        echo "Payphone needs Python 3.11 or newer with venv and pip; set PYTHON to one." >&2
        exit 1
    fi
    packages="$(grep -c '^[a-z].*==' "$lock")"
    if [ -t 2 ]; then tty=1; else tty=; fi
    echo "Setting up .venv from $lock ($packages packages, once; about a minute) …" >&2
    # an interrupted run can leave a .venv without pip, which this completes
    [ -x .venv/bin/python ] && [ -x .venv/bin/pip ] || "$python" -m venv .venv
    rm -f "$stamp".*
    count=0
    set +e
    .venv/bin/python -m pip install --require-hashes --no-deps --disable-pip-version-check \
        --progress-bar off -r "$lock" 2>&1 |
        while IFS= read -r line; do
            case "$line" in
                Collecting*) count=$((count + 1)); name="${line#Collecting }"
                    if [ -n "$tty" ]; then
                        printf '\r\033[K  %s/%s %s' "$count" "$packages" "${name%% *}" >&2
                    elif [ $((count % 20)) -eq 0 ]; then echo "  $count/$packages …" >&2; fi ;;
                Installing*)
                    if [ -n "$tty" ]; then printf '\r\033[K' >&2; fi
                    echo "  installing …" >&2 ;;
                ERROR*) echo "$line" >&2 ;;
            esac
        done
    result="${PIPESTATUS[0]}"
    set -e
    if [ "$result" -ne 0 ]; then
        echo "Setting up failed: pip could not install $lock. The end of its output is above; fix" \
            "the cause and run the command again." >&2
        exit 1
    fi
    echo "$wanted" >"$stamp.$lock"
    [ "$lock" = requirements.lock ] ||
        cksum requirements.lock requirements.lock >"$stamp.requirements.lock"
    echo "  ready." >&2
}

if ! is_set_up; then
    # With flock, one of several concurrent commands sets up while the others wait for it.
    exec 9<bin/setup.sh
    ! command -v flock >/dev/null || flock 9
    if ! is_set_up; then set_up; fi
    exec 9<&-
fi
export PATH="$PWD/.venv/bin:$PATH"
export PYTHONUTF8=1  # what we read and print is UTF-8 in every locale
