#!/usr/bin/env bash
# Starts voxdemo: finds a Python, keeps .venv in step with the requirements, then becomes the server.
#
# For bash 3.2 (macOS) and later; no root. It knows nothing of speech or the web: a flag is handed on as an environment
# variable, and what it may be is decided by voxdemo/settings.py.

set -euo pipefail
unset CDPATH PYTHONHOME
unset PYTHONDONTWRITEBYTECODE # .venv is ours, and without its compiled modules every start takes ten seconds more

FLAGS="host port engine engines recognizer voxcpm-model sensevoice-model orpheus-model snac-model chatterbox-model"
FLAGS="$FLAGS device quantize kv-cache generators remote-engines model-memory idle-unload-s queue-size job-timeout-s"
FLAGS="$FLAGS live-sessions live-per-client live-silence-s cache-dir cache-ttl cache-size keep-hours examples-ahead"
FLAGS="$FLAGS rate-limit max-waiting-per-client trusted-proxies line-url line-secret voices-least voices-most"
FLAGS="$FLAGS voices-target-s voices-idle-s redis-url database-url storage-url auth api-keys cors-origins chat-url"
FLAGS="$FLAGS chat-key chat-model drain-s log-level log-text log-format sentry-dsn"
INSTALL_RULES=2 # raise it when this script installs differently, so that every .venv is brought in step
UV_VERSION=0.13.8
LOG=.venv/install.log
UNFINISHED=.venv/unfinished # there while a setup runs, with its process id; found later, it marks a broken .venv
LOCK=.venv.lock # a symbolic link to the owner's process id: made and filled in one step, so it is never half there

main() {
  local caller_folder="$PWD"
  cd -P "$(own_folder)"
  case "${1:-}" in
    test)
      shift; prepare_to_test "$*"
      case "$*" in '' | --all) set -- --numprocesses 2 --dist loadfile --no-loadscope-reorder "$@" ;; esac
      exec .venv/bin/python -m pytest "$@" ;;
    check) shift; refuse_more "$@"; prepare_to_test; check ;;
    cluster)
      shift; read_flags "$caller_folder" "$@"; prepare_to_serve ray; exec .venv/bin/python -m voxdemo cluster ;;
    setup) shift; refuse_more "$@"; prepare_to_serve ;;
    fetch-models)
      shift; read_flags "$caller_folder" "$@"; prepare_to_serve; exec .venv/bin/python -m voxdemo.cli.fetch ;;
    *) read_flags "$caller_folder" "$@"; prepare_to_serve; exec .venv/bin/python app.py ;;
  esac
}

help() {
  cat <<'END'
Usage: ./launch.sh [flags]              set up what is missing, then serve
       ./launch.sh test                 run the tests, two at a time: minutes; with --all the long ones too
       ./launch.sh test ARGUMENTS       hand these to pytest: a file of tests that you name is run in full
       ./launch.sh check                check format, style, types, the page's scripts and shell scripts
       ./launch.sh setup                set up and stop
       ./launch.sh cluster [flags]      try a cluster on this machine: Ray, a line, two voices, two servers, a balancer
       ./launch.sh fetch-models [flags] download VoxCPM and SenseVoice, 5 to 6 GB; can be resumed
       ./launch.sh --help               this text

Flags, as --name value or --name=value:
  --host ADDRESS        address to listen on; 0.0.0.0 lets other machines in     (127.0.0.1)
  --port NUMBER         port to listen on                                        (7860)
  --engine NAME         auto, builtin, chatterbox, kokoro, orpheus or voxcpm     (auto)
  --engines LIST        what may be loaded beside it, such as kokoro,voxcpm      (auto)
  --recognizer NAME     the recogniser: auto, builtin or sensevoice              (auto)
  --remote-engines LIST servers that speak, too: JSON, or a file with it         (none)
  --voxcpm-model MODEL  VoxCPM: a hub id, a folder, or auto: the newest that fits (auto)
  --sensevoice-model MODEL  SenseVoice: a hub id or a folder                     (FunAudioLLM/SenseVoiceSmall)
  --orpheus-model MODEL  Orpheus-3B: a hub id or a folder                        (canopylabs/orpheus-3b-0.1-ft)
  --snac-model MODEL    its codec SNAC: a hub id or a folder                     (hubertsiuzdak/snac_24khz)
  --chatterbox-model MODEL  Chatterbox: a hub id or a folder                    (ResembleAI/chatterbox)
  --device NAME         where models run: auto, cuda, cuda:N, mps or cpu         (auto)
  --quantize NAME       none or int8, which is about twice as fast on a CPU      (none)
  --kv-cache NUMBER     most steps of text and audio in VoxCPM's memory          (4096)
  --generators NUMBER   jobs at once, 1 or 2, each with its own models           (1)
  --model-memory SIZE   what its models may take: 4GB; 0: 80 % of what is free   (0)
  --idle-unload-s NUMBER  seconds without a job until they are unloaded; 0: never (0)
  --queue-size NUMBER   jobs that may wait; the next one is refused              (20)
  --live-sessions NUMBER  live recognitions at once; the next one is refused     (4)
  --live-per-client NUMBER  live recognitions of one client; 0: all              (0)
  --live-silence-s NUMBER  seconds without speech that end one; 0: none do       (60)
  --job-timeout-s NUMBER  seconds one part of a text, or a recording, may take   (300)
  --cache-dir FOLDER    where uploads, results and cached answers are kept       (~/.cache/voxdemo)
  --cache-ttl TIME      how long answers are reused: 90m, 12h, 7d; 0: never      (7d)
  --cache-size SIZE     how much disk cached answers may use, such as 500MB      (2GB)
  --examples-ahead BOOL make the page's examples while the server is idle        (true)
  --keep-hours NUMBER   hours after which uploads and results are deleted        (24)
  --rate-limit RATES    requests allowed per client: 10/minute;1/2seconds        (no limit)
  --max-waiting-per-client NUMBER  jobs of one client that may wait; 0: any      (0)
  --trusted-proxies LIST  proxies whose X-Forwarded-For is believed: 10.0.0.0/8  (nobody's)
  --line-url URL        where the line is that several servers share             (none)
  --line-secret KEY     what it, its voices and its servers know each other by   (none)
  --voices-least NUMBER  voices that a line on Ray has at least                  (2)
  --voices-most NUMBER  voices that it may start where people wait               (2)
  --voices-target-s NUMBER  seconds within which the last in line is to begin    (10)
  --voices-idle-s NUMBER  seconds without a job until a voice is stopped         (300)
  --redis-url URL       what several servers share: limits, logins, answers      (none)
  --database-url URL    the Postgres where several servers keep jobs together    (none)
  --storage-url URL     the S3 where several servers keep sounds and voices      (none)
  --chat-url URL        a language model to talk to, as OpenAI's API has it      (none)
  --chat-key KEY        what its server asks for as an API key                   (none)
  --chat-model NAME     which of its models answers; none: the first             (none)
  --auth LIST           logins for the page: name:password,name:password         (everybody)
  --api-keys LIST       keys for programs, 16 characters each or more            (none is asked for)
  --cors-origins LIST   other sites whose pages may call this one                (none)
  --drain-s NUMBER      seconds that running jobs get to finish at a stop        (30)
  --log-level NAME      debug, info, warning or error                            (info)
  --log-text BOOL       whether the log may contain people's texts               (false)
  --log-format NAME     human, or json: one object per line                      (human)
  --sentry-dsn URL      where errors are reported, if sentry-sdk is installed    (none)

Each flag has its environment variable: VOXDEMO_HOST, VOXDEMO_PORT, VOXDEMO_ENGINE, VOXDEMO_ENGINES,
VOXDEMO_RECOGNIZER, VOXDEMO_VOXCPM_MODEL, VOXDEMO_SENSEVOICE_MODEL, VOXDEMO_ORPHEUS_MODEL, VOXDEMO_SNAC_MODEL,
VOXDEMO_CHATTERBOX_MODEL, VOXDEMO_DEVICE, VOXDEMO_QUANTIZE, VOXDEMO_KV_CACHE, VOXDEMO_GENERATORS,
VOXDEMO_MODEL_MEMORY, VOXDEMO_IDLE_UNLOAD_S, VOXDEMO_QUEUE_SIZE, VOXDEMO_JOB_TIMEOUT_S, VOXDEMO_CACHE_DIR,
VOXDEMO_CACHE_TTL, VOXDEMO_CACHE_SIZE, VOXDEMO_EXAMPLES_AHEAD, VOXDEMO_KEEP_HOURS, VOXDEMO_RATE_LIMIT,
VOXDEMO_MAX_WAITING_PER_CLIENT, VOXDEMO_TRUSTED_PROXIES, VOXDEMO_REDIS_URL, VOXDEMO_AUTH, VOXDEMO_API_KEYS,
VOXDEMO_CORS_ORIGINS, VOXDEMO_DRAIN_S, VOXDEMO_LOG_LEVEL, VOXDEMO_LOG_TEXT, VOXDEMO_LOG_FORMAT, VOXDEMO_SENTRY_DSN,
VOXDEMO_REMOTE_ENGINES, VOXDEMO_DATABASE_URL, VOXDEMO_STORAGE_URL, VOXDEMO_LINE_URL, VOXDEMO_LINE_SECRET,
VOXDEMO_VOICES_LEAST, VOXDEMO_VOICES_MOST, VOXDEMO_VOICES_TARGET_S, VOXDEMO_VOICES_IDLE_S, VOXDEMO_CHAT_URL,
VOXDEMO_CHAT_KEY, VOXDEMO_CHAT_MODEL, VOXDEMO_LIVE_SESSIONS, VOXDEMO_LIVE_PER_CLIENT, VOXDEMO_LIVE_SILENCE_S. They may
also stand in a file .env beside this script. Put secrets there: everybody on the machine can see flags. A flag wins
over the environment, and the environment over .env.

VOXDEMO_PYTHON names the Python to set up with. Default: the newest of 3.10 to 3.13 on PATH.
Packages are installed in .venv beside this script: Linux (x86-64, arm64) or macOS 14 and later on Apple silicon.
Those that only Orpheus-3B or Chatterbox needs are installed where a flag, the environment or .env names it as an
engine, those for several servers (requirements-cluster.txt) where one of these has a database-url or a storage-url.
END
}

# --- flags ---

read_flags() { # the caller's folder, then the flags
  local caller_folder="$1" flag value
  shift
  while [ $# -gt 0 ]; do
    case "$1" in
      -h | --help) help; exit 0 ;;
      --*) flag="${1%%=*}" ;;
      *) refuse "Unknown argument '$1'" ;;
    esac
    is_flag "${flag#--}" || refuse "Unknown flag '$flag'"
    case "$1" in
      *=*) value="${1#*=}" ;;
      *) shift; value="${1:-}" ;;
    esac
    case "$value" in '' | --*) refuse "The flag $flag needs a value" ;; esac
    case "$flag" in
      --cache-dir) value="$(from_folder "$caller_folder" "$value")" ;;
      --remote-engines) [ ! -f "$caller_folder/$value" ] || value="$caller_folder/$value" ;; # else JSON, or absolute
      --*-model) [ ! -d "$caller_folder/$value" ] || value="$caller_folder/$value" ;; # else a hub id, or absolute
    esac
    export "$(variable_of "${flag#--}")=$value"
    shift
  done
}

is_flag() {
  case " $FLAGS " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

variable_of() { # queue-size → VOXDEMO_QUEUE_SIZE
  printf 'VOXDEMO_%s' "$1" | LC_ALL=C tr 'a-z-' 'A-Z_'
}

from_folder() { # a path as seen from a folder; the server runs in another one
  # shellcheck disable=SC2088  # the tilde is Python's to expand
  case "$2" in /* | '~'*) printf '%s' "$2" ;; *) printf '%s/%s' "$1" "$2" ;; esac
}

refuse_more() {
  [ $# -eq 0 ] || refuse "Unknown argument '$1'"
}

refuse() {
  echo "$1: see ./launch.sh --help." >&2
  exit 2
}

# --- checks ---

check() {
  local failed=0
  .venv/bin/python -m ruff format --check . || failed=1
  .venv/bin/python -m ruff check . || failed=1
  .venv/bin/python -m mypy || failed=1
  .venv/bin/oxlint assets || failed=1
  if command -v shellcheck >/dev/null; then shellcheck launch.sh .ci/run || failed=1; fi
  return "$failed"
}

# --- .venv ---

prepare_to_test() { # with all packages; Ray's only for the long tests, one of which needs it
  local file files=(requirements.txt)
  for file in requirements-*.txt; do
    case "$file $*" in *-ray.txt*--all*) ;; *-ray.txt*) continue ;; esac
    files+=("$file")
  done
  prepare "${files[@]}"
}

prepare_to_serve() { # with the packages of what is named, where that has a file of its own
  local name names files=(requirements.txt)
  names="${1:-},$(setting VOXDEMO_ENGINE),$(setting VOXDEMO_ENGINES)"
  [ -z "$(setting VOXDEMO_DATABASE_URL)$(setting VOXDEMO_STORAGE_URL)" ] || names="$names,cluster"
  for name in $(printf '%s' "$names" | LC_ALL=C tr 'A-Z,' 'a-z '); do
    [ "$name" = dev ] || [ ! -e "requirements-$name.txt" ] || files+=("requirements-$name.txt")
  done
  prepare "${files[@]}"
}

setting() { # a variable's value: the environment's, or else that of .env, without its quotes and its comment
  if [ -n "${!1:-}" ]; then
    printf '%s' "${!1}"
  elif [ -f .env ]; then
    LC_ALL=C sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" .env | tail -n 1 |
      LC_ALL=C sed -e 's/[[:space:]]#.*//' -e 's/^#.*//' | LC_ALL=C tr -d "\"'\r"
  fi
}

prepare() { # requirements files: returns with all of them installed
  ! ready "$@" || return 0
  take_lock
  ready "$@" || build "$@" # whoever held the lock may have done it
  release_lock
}

ready() {
  local file
  venv_is_sound || return 1
  for file in "$@"; do is_installed "$file" || return 1; done
}

build() { # what is needed to serve by itself, so that it stays usable where another file can't be installed
  local file rest=()
  venv_is_sound || make_venv
  is_installed requirements.txt || install requirements.txt
  for file in "$@"; do is_installed "$file" || rest+=("$file"); done
  [ "${#rest[@]}" -eq 0 ] || install "${rest[@]}"
}

VENV_VERSION=
venv_is_sound() { # not cut off half-way, and its Python still there and the one asked for
  [ ! -e "$UNFINISHED" ] && [ -e .venv/pyvenv.cfg ] || return 1
  VENV_VERSION="$(version_of .venv/bin/python)"
  [ -d ".venv/lib/python$VENV_VERSION/site-packages" ] || return 1
  [ -z "${VOXDEMO_PYTHON:-}" ] || [ "$(version_of "$VOXDEMO_PYTHON")" = "$VENV_VERSION" ]
}

is_installed() {
  [ "$(cat ".venv/$1.stamp" 2>/dev/null)" = "$(stamp_for "$1")" ]
}

stamp_for() { # the file's own text: a hash would need a program that Linux and macOS name differently
  echo "rules $INSTALL_RULES, Python $VENV_VERSION"
  cat "$1"
}

make_venv() {
  local python
  python="$(find_python)"
  echo "Setting up (once: a few minutes, 2.5 GB; more with CUDA)..." >&2
  rm -rf .venv
  mkdir .venv
  run_logged "$python" -m venv .venv || give_up
  rm -f "$UNFINISHED"
  venv_is_sound || give_up
}

install() { # all of these files in one go, which looks for versions once
  local file wanted=()
  echo "Installing $*..." >&2
  for file in "$@"; do
    rm -f ".venv/$file.stamp"
    wanted+=(-r "$file")
  done
  { has_one_index && find_uv && run_logged uv_install "${wanted[@]}"; } || run_logged pip_install "${wanted[@]}" ||
    give_up
  for file in "$@"; do stamp_for "$file" >".venv/$file.stamp"; done
  rm -f "$UNFINISHED"
}

give_up() {
  tail -n 15 "$LOG" >&2
  # What is needed to serve was installed before, and stays usable without the tools for development.
  if is_installed requirements.txt; then rm -f "$UNFINISHED"; fi
  echo "Setting up failed: see the lines above or $LOG, check the network and the free space, then run this again." >&2
  exit 1
}

CHILD=
run_logged() { # as a child we know, so that it neither outlives a stop nor is overrun by the next launch
  "$@" >>"$LOG" 2>&1 </dev/null &
  CHILD=$!
  echo "$CHILD" >"$UNFINISHED"
  wait "$CHILD"
}

# --- Python ---

find_python() { # prints the first that can make a .venv
  local name without_venv=
  leave_own_venv
  for name in "${VOXDEMO_PYTHON:-python3.13}" python3.12 python3.11 python3.10 python3 python; do
    case "$(version_of "$name")" in
      3.1[0-3])
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
          echo "$name"
          return
        fi
        without_venv="$name"
        ;;
    esac
    [ -z "${VOXDEMO_PYTHON:-}" ] || break
  done
  if [ -n "$without_venv" ]; then
    echo "voxdemo can't start: $without_venv lacks venv; run \`sudo apt install python3-venv\`, then this again." >&2
  else
    complain_about_python
  fi
  exit 1
}

leave_own_venv() { # it may be the active one, and is about to be made again
  local path=":$PATH:" own=":$PWD/.venv/bin:"
  path="${path//$own/:}"
  path="${path#:}"
  PATH="${path%:}"
}

complain_about_python() {
  local what="no Python 3.10 to 3.13 was found" remedy="sudo apt install python3 python3-venv"
  [ -z "${VOXDEMO_PYTHON:-}" ] || what="VOXDEMO_PYTHON ($VOXDEMO_PYTHON) isn't a Python 3.10 to 3.13"
  [ "$(uname -s)" != Darwin ] || remedy="brew install python@3.13"
  echo "voxdemo can't start: $what; install one (\`$remedy\`) or name one in VOXDEMO_PYTHON, then run this again." >&2
}

version_of() { # by running it: a pyenv shim may be there and still have nothing behind it
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null </dev/null || true
}

# --- installers ---

pip_install() { # --no-user: some systems set "user" for everyone, which pip refuses inside a .venv
  # --no-compile, as uv: of 30,000 modules a server imports one in six, which its first start compiles in seconds
  exec .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-user --no-compile "$@"
}

PIP_SETTINGS=
has_one_index() { # of several with the same version pip takes the file that fits best; uv keeps to the first index
  [ -z "${UV_EXTRA_INDEX_URL:-}" ] || return 1
  PIP_SETTINGS="$(.venv/bin/python -m pip config list 2>/dev/null || true)"
  case "$PIP_SETTINGS" in *.extra-index-url=*) return 1 ;; esac
}

UV=
find_uv() { # several times faster than pip, and never needed
  if uv --version >/dev/null 2>&1; then
    UV=uv
  else
    run_logged pip_install --retries 1 "uv==$UV_VERSION" || return 1
    UV=.venv/bin/uv
  fi
}

uv_install() {
  hand_pip_settings_to_uv
  exec "$UV" pip install --python .venv/bin/python ${NO_INDEX:+--no-index} "$@"
}

hand_pip_settings_to_uv() { # it doesn't read them: without, it takes other packages than pip would, or reaches none
  [ -n "${UV_DEFAULT_INDEX:-}" ] || hand_over index-url UV_INDEX_URL
  hand_over find-links UV_FIND_LINKS ,
  hand_over no-index NO_INDEX
  hand_over trusted-host UV_INSECURE_HOST
  hand_over timeout UV_HTTP_TIMEOUT
  hand_over default-timeout UV_HTTP_TIMEOUT
  hand_over cert SSL_CERT_FILE
  if [ -n "${UV_FIND_LINKS:-}" ]; then
    # pip takes the best version over all its sources; uv would stop at the first source that has the name
    export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
  fi
}

hand_over() { # pip's name, uv's variable, what parts several values there, unless the variable is set
  local scope value
  [ -z "${!2:-}" ] || return 0
  for scope in :env: install global; do # pip's order of precedence
    value="$(printf '%s\n' "$PIP_SETTINGS" | sed -n "s/^$scope\.$1=['\"]\(.*\)['\"]\$/\1/p")"
    [ -z "$value" ] || break
  done
  value="$(printf '%s' "$value" | sed 's/\\n/ /g; s/  */ /g; s/^ //; s/ $//' | tr ' ' "${3:- }")"
  [ -z "$value" ] || export "$2=$value"
}

# --- one setup at a time ---

take_lock() {
  local holder told=
  if [ ! -w . ]; then
    echo "voxdemo can't be set up: this folder can't be written to; copy it to one that can, then run this again." >&2
    exit 1
  fi
  until [ -z "$(lock_holder)" ] && ln -sn "$$" "$LOCK" 2>/dev/null; do
    holder="$(lock_holder)"
    if [ -z "$holder" ]; then
      rm -f "$LOCK" # its owner is gone
    elif [ "$holder" != "$told" ]; then
      echo "Waiting for the launch that is setting up (process $holder; if it isn't one, delete .venv and $LOCK)..." >&2
      told="$holder"
    fi
    sleep 0.5
  done
  trap 'release_lock' EXIT
  trap 'stop_child; exit 130' INT
  trap 'stop_child; exit 143' TERM HUP
}

lock_holder() { # the process that is setting up, be it a launch or the installer that a killed launch left
  local pid
  for pid in $(readlink "$LOCK" || true) $(cat "$UNFINISHED" 2>/dev/null || true); do
    # in a fresh container we may have the very number of one that died in the last
    if [ "$pid" != "$$" ] && kill -0 "$pid" 2>/dev/null; then
      echo "$pid"
      return
    fi
  done
}

stop_child() {
  if [ -n "$CHILD" ]; then kill "$CHILD" 2>/dev/null || true; fi
}

release_lock() {
  rm -f "$LOCK"
  trap - EXIT INT TERM HUP
}

own_folder() { # through symbolic links; macOS before 12.3 has no readlink -f
  local file="${BASH_SOURCE[0]}" target
  while [ -L "$file" ]; do
    target="$(readlink "$file")"
    case "$target" in /*) file="$target" ;; *) file="$(dirname "$file")/$target" ;; esac
  done
  cd -P "$(dirname "$file")" && pwd
}

main "$@"
