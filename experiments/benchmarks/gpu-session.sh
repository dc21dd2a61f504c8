#!/bin/sh
# One command on a machine with a GPU: builds, tests the kernels of classes simt and matrix on it, times ops and
# networks, compares with PyTorch where that is there, and leaves JSON lines and the tables for docs/performance.md.
#
#   experiments/benchmarks/gpu-session.sh [--out DIR] [--peer torch_peer.py] [--python PYTHON] [--program CAIRN]
#                                         [--runs N] [--rounds N] [--quick]
#
#   --out      folder for what it measures (default: gpu-session)
#   --peer     the script that times PyTorch; without it only Cairn is timed
#   --program  a program built elsewhere (cmake --preset portable); tests are then left out, for they are built
#              here only
#   --quick    tiny sizes and one round: shows that everything runs, on any device; its figures mean nothing
#
# A part that fails is named at the end, and the others go on: a session on such a machine is short.
set -u

out=gpu-session peer= python=python3 program= runs=20 rounds=3 quick=
while [ $# -gt 0 ]; do
    case "$1" in
    --out|--peer|--python|--program|--runs|--rounds)
        [ $# -ge 2 ] || { echo "$0: $1 needs a value" >&2; exit 2; }
        case "$1" in
        --out) out=$2 ;; --peer) peer=$2 ;; --python) python=$2 ;; --program) program=$2 ;;
        --runs) runs=$2 ;; --rounds) rounds=$2 ;;
        esac
        shift ;;
    --quick) quick=1 runs=1 rounds=1 ;;
    *) echo "$0: unknown option '$1' (see the head of the file)" >&2; exit 2 ;;
    esac
    shift
done
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
failed=

# part NAME COMMAND...: its output goes to NAME.log; a failure is remembered.
part() {
    name=$1
    shift
    echo "== $name: $*"
    "$@" > "$out/$name.out" 2> "$out/$name.log" || { failed="$failed $name"; tail -n 3 "$out/$name.log"; }
}

tests=
if [ -z "$program" ]; then
    program=$root/build/release/cairn
    if part build sh -c "cd '$root' && cmake --preset release && cmake --build --preset release"; then :; fi
    [ -x "$program" ] || { echo "no program: see $out/build.log" >&2; exit 1; }
    tests=$root/build/release/tests
fi
XDG_CACHE_HOME=$out/cache
export XDG_CACHE_HOME

part devices "$program" devices --json
command -v nvidia-smi > /dev/null && part driver nvidia-smi
cat "$out/devices.out"

# The kernels' results, in each class that a GPU uses, without validation layers: Debian's know no KHR matrices.
if [ -n "$tests" ] && [ -x "$tests/test_ops_conv" ]; then
    for class in simt matrix; do
        for name in gpu_matrix ops_conv ops_matrix ops_tiles; do
            [ -n "$quick" ] && [ $name = ops_tiles ] && continue
            part "test-$class-$name" env CAIRN_VALIDATION=0 CAIRN_KERNELS=$class "$tests/test_$name"
        done
    done
fi

part ceilings "$program" benchmark ceilings
ops_filter=conv2d
[ -n "$quick" ] && ops_filter=matmul
for class in simt matrix; do
    [ -n "$quick" ] && [ $class = matrix ] && continue # emulated where there are no matrices: hours
    part "ops-$class" env CAIRN_KERNELS=$class "$program" benchmark ops --filter "$ops_filter" --runs "$runs"
done

# Networks in turn with the peer. The default class is what the device is best at; simt beside it shows what matrices
# give.
for precision in fp32 mixed; do
    words=
    "$program" benchmark --help | grep -q -- '--precision' && words="--precision $precision"
    [ -z "$words" ] && [ $precision = mixed ] && continue
    if [ -z "$peer" ] || ! "$python" -c 'import torch' 2> /dev/null; then
        for mode in train infer; do
            size="--height 240 --width 320 --batch 32"
            [ $mode = infer ] && size="--height 480 --width 640 --batch 1"
            [ -n "$quick" ] && size="--height 64 --width 64 --batch 1"
            for model in superpoint sp-fpn; do
                # shellcheck disable=SC2086
                part "cairn-$model-$mode-$precision" "$program" benchmark model --model $model --mode $mode $size \
                    --runs "$runs" $words
            done
        done
        continue
    fi
    where="--device cuda"
    "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || where="--device cpu"
    cases="--cases gpu"
    [ -n "$quick" ] && cases="--cases one --model sp-fpn --mode infer --height 64 --width 64 --batch 1"
    modes="eager amp-channels-last"
    "$python" -c 'import sys, torch; sys.exit(not hasattr(torch, "compile"))' && modes="$modes compile"
    for mode in $modes; do
        amp=tf32
        [ $precision = mixed ] && amp=fp16
        [ "$where" = "--device cpu" ] && amp=off
        case $mode in
        eager) options="$where --amp $amp" ;;
        amp-channels-last) options="$where --amp $amp --channels-last" ;;
        compile) options="$where --amp $amp --channels-last --compile" ;;
        esac
        # shellcheck disable=SC2086
        part "compare-$precision-$mode" "$program" benchmark compare --peer "$peer" --python "$python" $cases \
            --runs "$runs" --rounds "$rounds" --peer-options "$options" \
            ${words:+--cairn-options "$words"} --markdown "$out/compare-$precision-$mode.md"
    done
done

# All lines in one file, all tables in another.
cat "$out"/ceilings.out "$out"/ops-*.out "$out"/cairn-*.out "$out"/compare-*.out 2> /dev/null |
    grep '^{' > "$out/results.jsonl"
{
    echo "## On a GPU"
    echo
    name=$(sed -n 's/.*"name":[^"]*"\(.*\)",*/\1/p' "$out/devices.out" | head -n 1)
    echo "\`experiments/benchmarks/gpu-session.sh${quick:+ --quick}\`; device: $name."
    for table in "$out"/compare-*.md; do
        [ -f "$table" ] || continue
        echo
        echo "PyTorch $(basename "$table" .md | sed 's/compare-//'):"
        echo
        cat "$table"
    done
} > "$out/performance.md"
echo "== $(wc -l < "$out/results.jsonl") lines in $out/results.jsonl, tables in $out/performance.md"
[ -z "$failed" ] || { echo "failed:$failed (their .log files are in $out)" >&2; exit 1; }
