#!/usr/bin/env bash
# What `spindle cpu`, `realtime`, `disk`, `memory`, `translate`, `deadlock`, `sync`, `processes`, `cron` and `run` say: textbook
# answers, all forms of output, traces, wrong input.
#   faces_test.sh FOLDER-OF-TRACES
set -u

traces=$1
tests=$(dirname "$(realpath "$0")")
. "$tests/faces.sh"

silberschatz="98 183 37 122 14 124 65 67"
string=7,0,1,2,0,3,0,4,2,3,0,3,2,1,2,0,1,7,0,1
bank="P0:0,1,0:7,5,3 P1:2,0,0:3,2,2 P2:3,0,2:9,0,2 P3:2,1,1:2,2,2 P4:0,0,2:4,3,3"

# Textbook answers.
json "a['answer']['gantt'] == [['P1', 0, 4], ['P2', 4, 7], ['P3', 7, 10], ['P1', 10, 30]]" \
  cpu -p rr --quantum 4 P1:0:24 P2:0:3 P3:0:3
says '^mean .* 5\.67 ' cpu --policy rr --quantum 4 P1:0:24 P2:0:3 P3:0:3
json "a['answer']['avg_waiting'] == 6.5" cpu -p srtf P1:0:8 P2:1:4 P3:2:9 P4:3:5
json "a['answer']['total_movement'] == 236" disk -p sstf --head 53 $silberschatz
json "a['answer']['total_movement'] == 640" disk -p fcfs --head 53 $silberschatz
says '^With --turn request: movement \(cylinders\) 299 instead of 331 ' disk -p scan --head 53 $silberschatz
says '^With --turn request: movement \(cylinders\) 322 instead of 382 ' disk -p c-scan --head 53 $silberschatz
says 'nothing waits further upwards; the arm turns; this is the first downwards' \
  disk -p scan --turn request -e --head 53 $silberschatz
says "At 1 ms: .* its waiting counted [(]the others" cpu -p priority-aging -e A:0:6:2 B:1:4:1
says '^At 2 ms: the turn of A is over. B runs: .*, queue 0 [(]the others: A [(]1[)][)]' cpu -p mlfq --quanta 2,4 -e A:0:7 B:0:4
says '^0 +1000000 +1000001$' cpu A:1000000 B:1
says '[[]3; shared-lru, shared-fifo,' memory --help
json "a['answer']['total'] == 375 and [s[0] for s in a['answer']['served']] == [7, 8, 30]" disk -p satf 7 30 8
says 'from 70 to 10: its deadline is over' disk -p deadline --head 50 --read-deadline 15 --batch 1 -e 0:60 0:10 1:70 1:80
says 'At 20 ms: from 70 to 10: its deadline is over' disk -p deadline --head 50 --read-deadline 15 --batch 2 -e 0:60 0:10 0:70
draws "{'seek', 'rotate', '30'} <= set(words)" disk -p satf 7 30 8
json "a['answer']['faults'] == 15" memory -p fifo --frames 3 $string
json "a['answer']['faults'] == 12" memory -p lru --frames 3 $string
json "a['answer']['faults'] == 9" memory -p opt --frames 3 $string
state="0:126:280:1:0 1:230:265:0:1 2:140:270:0:0 3:110:285:1:1"
json "{x['id'][6:]: x['answer']['victim'] for x in a} == {'nru': 2, 'fifo': 3, 'lru': 1, 'second-chance': 2}" \
  memory --all -p state-nru $state
says '^Page 3, loaded at 110: its R is 1; it is cleared' memory -p state-second-chance -e $state
draws "{'goes', 'stays', 'last used', '285'} <= set(words)" memory -p state-nru $state
says '^Page 2 goes: no class is lower than 0[.]$' memory -p state-nru -e $state
says '^The answer: spindle memory -p state-lru --quiz 5 --answer$' memory -p state-lru --quiz 5
says '^the page that goes +[0-3]$' memory -p state-lru --quiz 5 --answer
refuses "pages: '1:2' is not PAGE:LOADED:LAST_USED:R:M" memory -p state-lru 1:2
refuses 'pages: last used before it was loaded' memory -p state-lru 1:5:4:0:0
json "a['answer']['placed'] == [3, 1, 2, 4]" memory -p best-fit 212 417 112 426
json "a['answer']['allocations'][2] == ['C', 128, 64]" memory -p buddy A+100 B+240 C+64 B- A-
json "a['answer']['safe'] and a['answer']['answers'] == ['granted']" \
  deadlock --available 3,3,2 $bank --requests P1+1+0+2
json "a['answer']['misses'] == [] and a['parameters']['until'] == 100" realtime -p rm P1:50:20 P2:100:35
json "a['answer']['missed'] == 1" realtime -p fixed P2:100:35 P1:50:20
json "a['answer']['on_cycle'] == ['A', 'B']" deadlock -p wait-for A:B B:A C:A

json "a['answer']['completion'] == {'A': 3, 'B': 5, 'C': 7} and a['answer']['gantt'][2] == ['C', 3, 7, 0]" \
  cpu -p fcfs --cpus 2 A:0:3 B:0:5 C:0:4
json "[s[3] for s in a['answer']['gantt']] == [1, 1] and a['answer']['migrations'] == 0" cpu --cpus 2 --affinity A+1,B+1 A:0:3 B:0:4
json "a['answer']['completion'] == {'A': 11, 'B': 10}" cpu -p mlfq --quanta 2,4 A:0:7 B:0:4

json "a['answer']['results'] == [0, 10, 0, 0] and a['answer']['failed'] == 0" memory -p heap-best +10 +20 0- +5
json "a['answer']['faults_of_each'] == {'A': 3, 'B': 1}" memory -p shared-lru --frames 4 A:1,2,3,1,2,3 B:1,1,1,1
says '^With --scope local: faults 7 instead of 4' memory -p shared-lru --frames 4 A:1,2,3,1,2,3 B:1,1,1,1
json "a['answer']['best_degree'] == 5" memory -p thrashing --frames 20 --degree 8 A:1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4
draws "'processes in memory' in words" memory -p thrashing -g phases:count=6
json "a['answer']['physical'] == [117, None]" translate --table 0+3,1+7,2+5,3+2 21 0x50
json "a['answer']['physical'] == [649, 2310, None, None]" translate -p segments --table 219+600,2300+14,- 0:430 1:10 2:5 1:20
json "a['answer']['physical'] == [117, 47]" translate -p multi-level --fields 2,2,4 --table 0+1+7,3+3+2 21 255
json "a['answer']['physical'] == [36, None]" translate -p inverted --table 0+3,1+0,2+1 2:20 0:5
says '^ *1024000 +17408000$' translate -p base-limit --base 16384000 --limit 40960000 1024000
json "a['answer']['trace'] == 'MMMHH'" translate -p tlb-lru 0 16 32 5 17
says '^80 is on page 5, set 0: no entry, a miss; it is loaded in place of page 1[.]$' translate -p tlb-lru --entries 2 -e 0 16 0 80
says '^The TLB is emptied[.] 2:0 is on page 0, set 0: no entry, a miss; it is loaded[.]$' translate -p tlb-lru -e 1:0 2:0 1:4
says '^1:4 is on page 0, set 0: its entry is there' translate -p tlb-lru --asid yes -e 1:0 2:0 1:4
says '^With --asid yes: misses 2 instead of 3, hits 1 instead of 0 and flushes 0 instead of 2[.]$' translate -p tlb-lru 1:0 2:0 1:4
refuses 'addresses: not .process, address., as the first one is .item 2 of the list.' translate -p tlb-lru 1:0 4
json "a['answer']['value'] == 1 and [s['value'] for s in a['answer']['steps']] == [0, 0, 0, 1]" sync A:P B:P A:V B:V
json "a['answer']['consumed'] == [['q', 'a']] and a['answer']['buffer'] == ['b', 'c']" \
  sync -p bounded-buffer put:p:a put:p:b put:p:c get:q
json "a['answer']['granted'] == ['R1', 'R2', 'W1']" sync -p readers-first R1:r W1:w R2:r R1:done R2:done
json "(a['answer']['total'], a['answer']['cpu_busy'], a['answer']['states'][1]) == (12, 11, 'rrrrcccc    ')" processes c3,i,c2 c4
json "a['answer']['processes'] == 6" processes -p forks 'fork() && fork(); fork()'
json "a['answer']['parents'] == {'a': None, 'c': 'a', 'd': 'c'}" processes -p tree a+b b+c c+d b-
json "a['answer']['waits'] == [{'signal': 'TERM'}]" processes -p signals block:USR1 kill:USR1 kill:TERM wait
json "a['answer']['times'][:2] == ['2024-01-05T16:30', '2024-01-05T16:45']" cron '*/15 9-17 * * 1-5' --after 2024-01-05T16:20
json "len(a['answer']['times']) == 2" cron 0 0 '*' '*' '*' --after '2024-01-05 16:20' --count 2

# Formulas: textbook answers, curves, reasons, questions.
json "a['answer']['eat_ns'] == 140" memory -p access-tlb --hit-ratio 0.8 --memory-ns 100 --tlb-ns 20
json "a['answer']['eat_ns'] == 8199.8" memory -p access-faults --fault-rate 0.001 --memory-ns 200 --fault-ns 8000000
json "a['answer']['eat_ns'] == 155" memory -p access-all --fault-rate 0.1 --fault-ns 5000 --dirty 0.2
says '^20 \+ 100 \+ 5 \+ 30 = 155 ns[.]$' memory -p access-all --dirty 0.2 -e
says '^With --faults-of accesses: ' memory -p access-all --fault-rate 0.01
refuses '^spindle memory: --fault-rate: more accesses than miss in the TLB$' memory -p access-all --faults-of accesses
json "a['answer']['max_fault_rate'] == 2.5e-06" memory -p fault-rate --slowdown 0.1
json "a['answer'] == {'pages': 36, 'internal_fragmentation': 962}" memory -p pages --bytes 72766 --page-size 2048
json "a['answer']['bytes'] == 4194304" memory -p table-size
says '^1 / \(0.4 \+ \(1 - 0.4\) / 4\) = 1.8182[.]$' cpu -p amdahl --serial 0.4 -e
says '^All wait at once for a share of 0.8\^3 = 0.512; in the rest, 0.488, ' cpu -p io-wait -e
refuses '^spindle cpu: --system: larger than the memory$' cpu -p io-wait --system 9
json "a['answer']['levels'] == 3 and a['answer']['top_bits'] == 7" memory -p table-levels --address-bits 30 --page-size 512 --entry-bytes 4
says '^36 / 9, rounded up: 4 levels; 9 bits are left for the top one[.]$' memory -p table-levels -e
refuses '^spindle memory: --page-size: not a power of two$' memory -p table-levels --page-size 1000
json "a['answer']['slabs'] == 8" memory -p slab --object-bytes 300 --objects 100
json "a['answer']['io_ms'] == 6.0328 and a['answer']['rotation_ms'] == 2" disk -p random-io --bytes 4096
json "a['answer'] == {'sequential_ms': 34, 'random_ms': 15020}" disk -p track-read
json "a['answer']['seek_ms'] == 15" disk -p seek --curve constant --distance 7
json "a['answer']['bytes'] == 268435456 and a['answer']['address_bits'] == 19" disk -p capacity --cylinders 128 --sectors 256
says '^A track: 63 x 512 = 32256 bytes, in 60 / 7200 s: 3.8707 MB/s[.]$' disk -p capacity -e
json "a['answer']['lba'] == 0" disk -p chs-to-lba --chs 0,0,1
json "a['answer']['chs'] == [2, 5, 9]" disk -p lba-to-chs --lba 2339
says '^highest rate of page faults +2.5e-06' memory -p fault-rate
says '20 \+ 100 \+ \(1 - 0.8\) x 1 x 100 = 140 ns' memory -p access-tlb -e
says '\(2 x 16 \+ 5\) x 63 \+ 9 - 1 = 2339' disk -p chs-to-lba -e
draws "'hit ratio of the TLB' in words and 'here' in words" memory -p access-tlb
draws "'distance (cylinders)' in words" disk -p seek
draws "'slabs' in words and not any('()' in word for word in words)" memory -p slab --objects 250
draws "'2e-05' in words" memory -p fault-rate
draws "'length of the process (bytes)' in words" memory -p pages --bytes 123456
draws "'bytes of a page' in words and 'page table (bytes)' in words" memory -p table-size
draws "'sector 9: block 2339' in words and 'heads 0 to 4 of cylinder 2' in words" disk -p chs-to-lba
draws "'sector 1: block 0' in words" disk -p lba-to-chs --lba 0
json "a['answer']['seek_ms'] == 4" disk -p seek --curve table --table 1+2,11+6 --distance 6
draws "'distance (cylinders)' in words" disk -p seek --curve table
refuses "'A:0:5.x0aB:1:3' is not NAME:ARRIVAL" cpu $'A:0:5\nB:1:3'
refuses "table: '5' is not DISTANCE\+MS" disk -p seek --curve table --table 5
refuses 'expression: "@reboot" names no times' cron @reboot
refuses 'table: does not reach' disk -p seek --curve table --table 1+1 --distance 9
draws "not any('.' in word for word in words)" processes -p forks 'fork(); fork()'
spindle processes -p forks 'fork(); fork()' | grep -q '[0-9][.][0-9]' && fail "half a process"
refuses '--hit-ratio: 2 is above 1' memory -p access-tlb --hit-ratio 2
refuses 'too much' memory -p access-tlb 1 2 3
for formula in access-tlb access-faults access-all fault-rate pages table-size table-levels slab; do
  says "^The answer: spindle memory -p $formula --quiz 5 --answer$" memory -p $formula --quiz 5
  says . memory -p $formula --quiz 5 --answer
  says '^quantity,value,unit' memory -p $formula --csv
done
for formula in amdahl io-wait; do
  says "^The answer: spindle cpu -p $formula --quiz 5 --answer$" cpu -p $formula --quiz 5
  says . cpu -p $formula --quiz 5 --answer
  says '^quantity,value,unit' cpu -p $formula --csv
  draws "len(words) > 5" cpu -p $formula
done
for formula in random-io track-read seek capacity chs-to-lba lba-to-chs; do
  says '^The answer: spindle' disk -p $formula --quiz 5
  says . disk -p $formula --quiz 5 --answer
  says '^quantity,value,unit' disk -p $formula --csv
done
[ "$(spindle memory -p access-tlb --quiz 1)" != "$(spindle memory -p access-tlb --quiz 2)" ] || fail "each quiz is the same"

# Exercises of other forms: shares of the CPU, jobs in feedback queues, estimates, counters, blocks that move, analysis.
json "a['answer']['estimates'] == [10, 8, 6, 6, 5, 9, 11, 12]" cpu -p estimate 6 4 6 4 13 13 13
says '^After burst 1: 0\.5 x 6 \+ 0\.5 x 10 = 8 ms\.' cpu -p estimate -e 6 4
json "a['answer']['turnaround'] == [74, 100]" cpu -p mlfq-jobs --quanta 8,16,1000 0:50 0:50
says '^At 8 ms: job 1 runs until 16 ms, from queue 0, .*it goes to queue 1' cpu -p mlfq-jobs --quanta 8,16 -e 0:50 0:50
json "a['answer']['winners'] == [0, 1, 0, 0]" cpu -p lottery-jobs --draws 10,80,5,60 3:75 1:25
says '^P2 holds nothing, so that nobody waits for it: it is not deadlocked' deadlock -p detection --available 0 -e P0:0:0 P1:1:1 P2:0:2
# A job that is alone goes down all the same; an I/O at the end of a quantum renews an allotment of several.
says '^At 12 ms: job 0 runs until 16 ms, from queue 2' cpu -p mlfq-jobs --quanta 2,2,2 -e 0:12:0 8:4:0
says '^At 14 ms: job 0 runs until 20 ms, from queue 0' cpu -p mlfq-jobs --quanta 3,3 --allotments 2,1 --stay yes -e 0:18:6 1:5:0
says '^37 has the indices 0, 2 and the offset 5; no entry stands there: a fault' translate -p multi-level -e 37
says '^108 is in the upper half, 20 below its end, within the limit, 40: 512 - 20 = 492' translate -p two-segments -e 108
says '^4206596 is 1 in 10 bits, 3 in 10 bits and 4 in 12 bits' translate -p split-bits --fields 10,10,12 -e 4206596
says '^At 1 ms: 80 modulo 100 tickets is 80, a ticket of job 1; it runs 1 ms, and ends' \
  cpu -p lottery-jobs --draws 10,80,5,60 -e 3:75 1:25
json "a['answer']['order'] == [0, 1, 2, 2, 2, 0, 2, 2]" cpu -p stride-tickets 100 50 250
says '^Slice 3: job 2 has the lowest pass, 0, .* 0 \+ 40 = 40' cpu -p stride-tickets -e 100 50 250
json "a['answer']['slices'] == [36.1419, 11.8581]" cpu -p cfs-slices 3121 1024
says 'lengthened to 6' cpu -p cfs-slices -e 3072 1024 1024 --latency 12
json "a['answer']['counters'][0] == '01111000' and a['answer']['victim'] == 3" \
  memory -p aging-counters 101011 110010 110101 100010 011000
says '^Tick 1: .* a 1 comes in for pages 0, 1 and 4' memory -p aging-counters -e 101011 110010
json "a['answer']['victims'] == [1] and a['answer']['cost'] == 3" \
  deadlock -p victim --available 0,0 --costs 5,3 A:1,0:0,1 B:0,1:1,0
says '^B is ended, at a cost of 1, the least' deadlock -p victim --available 0,0 -e A:2,0:0,1 B:0,1:1,0
json "[x['id'] for x in a][0] == 'best-fit'" memory -p first-fit,best-fit,worst-fit --holes 100,500,200,300,600 212 417 112 426
json "a['answer']['moved'] == 30 and a['answer']['hole'] == [40, 60]" memory -p compaction --size 100 A:0:10 B:20:20 C:50:10
says '^B moves from 20 to 10 KiB, where A ends: 20 KiB' memory -p compaction --size 100 -e A:0:10 B:20:20 C:50:10
json "a['answer']['response'] == [3, 6, 20]" realtime -p response-time A:7:3 B:12:3 C:20:5
says '^C: 5, 11, 14, 17, 20 ms, which stays' realtime -p response-time -e A:7:3 B:12:3 C:20:5
json "a['answer']['bound'] == 0.7798" realtime -p rm-bound --tasks 3
json "a['answer']['physical'] == [{'fault': 'table'}, {'physical': 224, 'value': 7}]" translate -p two-level 64 96
json "a['answer']['processes'] == 4" processes -p forks 'for (i = 0; i < 3; i++) if (fork() == 0) exit(0);'
says '^pid = fork\(\) +2 +2' processes -p forks 'pid = fork(); if (pid == 0) fork();'
for form in 'cpu -p estimate' 'cpu -p mlfq-jobs' 'cpu -p lottery-jobs' 'cpu -p stride-tickets' 'cpu -p cfs-slices' \
  'memory -p aging-counters' 'memory -p compaction' 'realtime -p response-time' 'realtime -p rm-bound' \
  'translate -p two-level' 'deadlock -p victim'; do
  says '^The answer: spindle' $form --quiz 5
  says . $form --quiz 5 --answer
  says , $form --quiz 5 --answer --csv
  draws 'len(words) > 3' $form --quiz 5 --answer
done
draws "'the directory' in words and 'table 0' in words and 'page 0.3' in words" translate -p two-level 64
draws "'page 1.3' in words" translate -p multi-level 5
draws "'field 3 (12 bits)' in words and '4206596' in words" translate -p split-bits --fields 10,10,12 4206596
draws "'offset' in words and '111' in words" translate -p page-offset --page-size 1024 42095
draws "'rotation' in words and 'transfer of a block' in words" disk -p satf 7 30 8
refuses "jobs: '5' is not RUN_TIME:TICKETS" cpu -p lottery-jobs 5
refuses "ticks: '102' is not a 0 or 1" memory -p aging-counters 102
refuses 'two of them overlap' memory -p compaction A:0:10 B:5:10
refuses "memory: '5' is not PAGE\+BYTES" translate -p two-level --memory 5 --directory 0 64

# A face takes each case of its domains, and gives the same answer as the solver.
python3 - "$tests/../data/simulation-cases.json" "$work" <<'END'
import json, sys
commands = {"cpu": "cpu", "cpu-io": "cpu", "burst-estimate": "cpu", "mlfq": "cpu", "proportional-share": "cpu",
            "realtime": "realtime", "translation": "translate", "tlb": "translate", "deadlock": "deadlock", "sync": "sync",
            "fork-count": "processes", "process-tree": "processes", "process-states": "processes", "signals": "processes",
            "cron": "cron", "disk": "disk", "disk-online": "disk", "disk-rotating": "disk", "disk-time": "disk"}
seen = set()
with open(sys.argv[2] + "/kinds", "w") as kinds:
    for case in json.load(open(sys.argv[1])):
        kind = case["domain"], case["algorithm"]
        if kind in seen or len(json.dumps(case)) > 5000:
            continue
        seen.add(kind)
        json.dump(case, open(f"{sys.argv[2]}/kind-{len(seen)}.json", "w"))
        print(commands.get(case["domain"], "memory"), f"kind-{len(seen)}.json", file=kinds)
END
while read -r command file; do
  spindle "$command" -f "$work/$file" --json >"$work/answer-$file" 2>"$work/error" ||
    fail "$command -f $(head -c 100 "$work/$file"): $(cat "$work/error")"
  text=$(spindle "$command" -f "$work/$file" -e 2>&1) || fail "$command -f -e $(head -c 100 "$work/$file"): $text"
  [ "$(wc -l <<<"$text")" -gt 2 ] || fail "$command -f -e: nothing is shown of $(head -c 100 "$work/$file")"
done <"$work/kinds"
python3 - "$work" <<'END' || fail "faces answer cases otherwise than is known"
import json, pathlib, subprocess, sys
def same(a, b):
    if isinstance(a, list): return len(a) == len(b) and all(map(same, a, b))
    return a == b or isinstance(a, float) and abs(a - b) <= 1e-4 * abs(a)
answers = []
for path in sorted(pathlib.Path(sys.argv[1]).glob("kind-*.json")):
    case, answer = json.load(open(path)), json.load(open(path.with_name("answer-" + path.name)))
    for key, value in case["expected"].items():
        assert same(value, answer["answer"][key]), (case["id"], key, value, answer["answer"][key])
    answers.append(answer)
solved = subprocess.run(["spindle", "solve", "-"], input=json.dumps(answers), capture_output=True, text=True)
assert solved.returncode == 0, solved.stdout
END
[ "$(wc -l <"$work/kinds")" -gt 80 ] || fail "there are not many kinds of cases: $(wc -l <"$work/kinds")"
echo '{"domain": "disk-time", "algorithm": "TRACK-READ", "input": {}, "parameters":
  {"seek_ms": 4, "rpm": 15000, "sectors_per_track": 500, "sectors_read": 500}}' >"$work/case.json"
json "a['answer']['sequential_ms'] == 10" disk -f "$work/case.json"

# A case whose algorithm is not the default one of its form, or is named by its choices.
states='"domain": "process-states", "input": {"programs": ["i", "c4"]}'
echo "{$states, \"algorithm\": \"SWITCH_ON_END,IO_RUN_LATER\", \"parameters\": {\"io_length\": 5}}" >"$work/case.json"
json "a['answer']['total'] == 11 and a['parameters']['switch'] == 'SWITCH_ON_END'" processes -f "$work/case.json"
says '^States of processes, .*switch SWITCH_ON_END' processes -f "$work/case.json"
echo "{$states, \"algorithm\": \"SWITCH_AT_NOON\"}" >"$work/case.json"
refuses 'SWITCH_AT_NOON.* is not one of SWITCH_ON_IO' processes -f "$work/case.json"
echo '{"domain": "cpu-io", "algorithm": "VRR", "parameters": {"quantum": 3},
  "input": {"processes": [["A", 0, [5, 4, 3]], ["B", 1, [2, 6, 2]], ["C", 2, [4, 3, 4]]]}}' >"$work/case.json"
json "a['answer']['completion'] == {'B': 13, 'A': 19, 'C': 21}" cpu -f "$work/case.json"

# LRTF looks again after each unit of time which process has longest to run, on the machine, too.
echo 'machine { policy = "rr", quantum = 4, costs = "none" } process { "P1", burst = 24 } process { "P2", burst = 3 }
  process { "P3", burst = 3 }' >"$work/three.lua"
json "a['answer']['avg_waiting'] == 19" cpu -p lrtf P1:0:24 P2:0:3 P3:0:3
json "a['avg_waiting'] == 19" run --policy lrtf "$work/three.lua"
says '^lrtf +29 +19 ' run --all-policies "$work/three.lua"

# The simulated machine does what the solver answers, with each order of events at one instant, and one device or many.
python3 - "$work" <<'END' || fail "the machine and the solver do not agree"
import json, pathlib, random, subprocess, sys
names = {"FCFS": "fcfs", "RR": "rr", "VRR": "vrr", "SJF": "sjf", "SRTF": "srtf", "PRIORITY-P": "priority-preemptive", "HRRN": "hrrn"}
folder = pathlib.Path(sys.argv[1])
draw = random.Random(7)

def end_of_burst(gantt, process, burst):
    left = sum(process[2][:burst + 1:2])
    for name, start, end in gantt:
        if name == process[0]:
            left -= end - start
            if left <= 0: return end + left

def with_own_devices(processes, solved):
    """A device of its own, that takes longer by what one waited for the others, is given back at the same instants."""
    own = {p[0]: json.loads(json.dumps(p)) for p in processes}
    uses, asked_last, free = dict.fromkeys(own, 0), 0, 0
    for name, start, end in solved["io"]:
        asked = end_of_burst(solved["gantt"], own[name], uses[name])
        uses[name] += 2
        assert asked_last <= asked and start == max(asked, free) and end - start == own[name][2][uses[name] - 1], solved
        own[name][2][uses[name] - 1], asked_last, free = end - asked, asked, end
    return list(own.values())

cases = []
for number in range(60):
    order = draw.sample(["arrival", "io", "preempted"], 3)
    processes = [[f"P{p}", draw.randrange(9), [draw.randint(1, 5) for _ in range(draw.choice([1, 3, 5]))], draw.randrange(3)]
                 for p in range(draw.randint(2, 6))]
    cases.append({"id": number, "domain": "cpu-io", "algorithm": draw.choice(list(names)), "input": {"processes": processes},
                  "parameters": {"quantum": draw.randint(1, 3), "same_instant": order,
                                 "devices": draw.choice(["own", "single"])}})
solved = json.loads(subprocess.run(["spindle", "solve", "-", "--json"], input=json.dumps(cases), capture_output=True, text=True).stdout)
for case, line in zip(cases, solved):
    answer, rules = line["answer"], case["parameters"]
    processes = case["input"]["processes"]
    if rules["devices"] == "single": processes = with_own_devices(processes, answer)
    brace = lambda values: "{" + json.dumps(values)[1:-1] + "}"
    scenario = folder / "scenario.lua"
    scenario.write_text(f"machine {{ policy = '{names[case['algorithm']]}', costs = 'none', quantum = {rules['quantum']}, "
                        f"tie = 'arrival', same_instant = {brace(rules['same_instant'])} }}\n" + "".join(
        f"process {{ '{name}', at = {at}, burst = {brace(bursts)}, priority = {priority} }}\n"
        for name, at, bursts, priority in processes))
    run = json.loads(subprocess.run(["spindle", "run", scenario, "--json"], capture_output=True).stdout)
    assert [segment[:3] for segment in run["gantt"]] == answer["gantt"], (case, run["gantt"], answer["gantt"])
END

# Why, all policies, other conventions, questions.
says 'At 4 ms: the turn of P1 is over. P2 runs: it stands first' cpu -p rr -e P1:0:24 P2:0:3 P3:0:3
says 'A gives way. B runs: it has the least left to run, 3' cpu -p srtf -e A:0:5 B:1:3
# A process that goes on after its I/O changes nothing; one that comes from another CPU was chosen before it moved;
# estimates are compared.
says '^At 7 ms: A runs: no other is ready' cpu -p rr --context-switch 1 -e A:0:2,5,2 B:12:2
says '^At 4 ms on CPU 0: C runs: no other is ready' cpu --cpus 2 -p rr --quantum 2 --migration-cost 1 -e A:0:4 B:0:3 C:0:4
says '^At 4 ms on CPU 1: D runs: no other that may run there is ready' \
  cpu --cpus 2 --affinity C+0 -e A:0:8 B:0:2 C:0:3 D:4:2
says '^At 2 ms on CPU 1: D runs: of the queue of this CPU, it stands first in the queue, ready since 2[.]$' \
  cpu -p rr --quantum 2 --cpus 2 --queues per-cpu -e A:0:5 B:0:2 C:1:3 D:2:4 E:2:1
says '^At 10 ms on CPU 0: D runs: .* 3 \(the others: B \(4\)\)' cpu --cpus 2 -e A:0:10,9,1 B:0:2,2,5 C:0:9 D:3:3
says '^At 8 ms: C runs: it has the shortest burst by estimate, 5 \(the others: A \(5\.5\)\)' \
  cpu -p sjf --first 5 -e A:0:6,1,6 B:0:2,1,2 C:0:4,1,4
# The meaning of the fourth number depends on the policy.
for fourth in lottery:tickets stride:tickets cfs:weight eevdf:weight fair-share:user hrrn:priority; do
  says "^process .* ${fourth#*:} " cpu -p "${fourth%:*}" A:0:5:3 B:0:4:2
done
says 'From 53 to 65: it is the nearest, 12 cylinders away; 67 is 14' disk -p sstf --head 53 -e $silberschatz
says 'goes to the edge, 199, and turns' disk -p scan --head 53 -e $silberschatz
says '^Reference 4, page 2: a fault; 7 goes: it was not used for longest' memory -p lru -e $string
says 'its deadline, at 7 ms, is the earliest' realtime -p edf -e A:7:3 B:12:3 C:20:5
says '^With --count-cold no: faults 9 instead of 12' memory -p lru $string
says '^references  20$' memory -p lru --count-cold no $string
says '^At 0 ms: from 0 to 20: it is the nearest, 20 cylinders away; no other waits' disk -p sstf -e 10:50 0:20
says '^ +199 +139 ' disk -p scan --head 50 0:60 0:10
says '^Reference 14, page 4: a hit, its use number 4' memory -p lfu --keep-counts yes -e 4,1,2,5,0,2,4,5,5,1,5,2,4,4
says '^At 3 ms: C runs until 4 ms; .* its laxity, 6 ms until' realtime -p llf -e A:4:1 B:6:2 C:12:3
says '^seen until +10,?000 ms, before the schedule repeats' realtime A:7:1 B:11:1 C:13:1 D:17:1
says '^At 17 ms: A runs until 23 ms; .* its deadline, at 21 ms' realtime -p edf --until 40 -e A:4:3:9 B:8:4:12
says '^B: 62, 88, 114 ms, .*; a later release, which waits for it, takes 118 ms' realtime -p response-time -e A:70:26 B:100:62:118
says '^Reference 4, .* 7 goes: it is used again latest, by reference 18' memory -p opt -e $string
says 'the hand clears the bit of 7, 0 and 1' memory -p clock -e $string
says 'hole 4 is the smallest' memory -p best-fit -e 212
says '^P0 asks for \(0, 2, 0\); \(2, 1, 0\) would be left, with which nobody can finish: that is not safe' \
  deadlock --available 3,3,2 --requests P1+1+0+2,P0+0+2+0 -e $bank
says '^E is freed, 128 at 0: joined with its buddy at 128 to 256 at 0, .* to 512 at 0, .* to 1024 at 0[.]$' \
  memory -p buddy -e A+100 C+64 A- E+75 C- E-
says '^37 = 2 x 16 \+ 5: cylinder 2, head 5[.]$' disk -p lba-to-chs -e
# A list of quanta stands in the title, and no quantum that does not apply.
says '^Multi-level queue, quanta 1 2$' cpu -p mlq --quanta 1,2 A:0:3 B:0:2:1
says '^Feedback, quanta 1 2$' cpu -p feedback --quanta 1,2 A:0:3 B:0:2
says '^At 0 ms: C runs: .* 3, and of equals it stands first' cpu -p sjf -e A:0:5 C:0:3 D:0:3
says 'P1 needs \(1, 2, 2\) more; \(3, 3, 2\) are available' deadlock --available 3,3,2 -e $bank
json "[x['id'] for x in a][0] == 'opt' and a[0]['answer']['faults'] <= a[1]['answer']['faults']" memory --all $string
json "sorted(x['answer']['total_movement'] for x in a) == [x['answer']['total_movement'] for x in a]" \
  disk --all --head 53 $silberschatz
says '^With --count-return no: movement \(cylinders\) 183 instead of 382' disk -p c-scan --head 53 $silberschatz
says '^With --requeue preempted-first: ' cpu -p rr --quantum 2 A:0:4,2,2 B:2:2,2,4 C:4:4 D:6:2
says 'What are the turnaround' cpu --quiz 3
[ "$(spindle disk --quiz 3)" = "$(spindle disk --quiz 3)" ] || fail "a quiz is not the same twice"
for face in cpu realtime disk memory translate deadlock sync processes cron; do
  for seed in 11 12 13; do
    says '^The answer: spindle' $face --quiz $seed
    says . $face --quiz $seed --answer
  done
done
says 'page 1, offset 5; it is in frame 7: 7 x 16 \+ 5 = 117' translate -e 21
says 'the unit goes to B, which has waited longest' sync -e A:P B:P A:V
says 'the buffer is full, so it waits' sync -p bounded-buffer --capacity 1 -e put:p:a put:p:b
says 'USR1 pends already, and standard signals do not queue' processes -p signals -e block:USR1 kill:USR1 kill:USR1
says 'IO has no effect' processes -p signals -e ignore:IO block:PROF kill:PROF kill:IO
says 'STOP can be neither caught nor ignored nor blocked' processes -p signals -e block:STOP
says 'exit 3: it is stopped, and does so when it goes on' processes -p signals -e kill:STOP exit:3
says 'goes on after having been stopped; its handler runs for USR1 and USR2' \
  processes -p signals -e catch:USR1 catch:USR2 kill:STOP kill:USR2 kill:USR1 kill:CONT
says 'wait: it is gone already' processes -p signals -e exit:0 wait wait
says '4 goes: the hand clears the bit of 5 and finds no clean page .* 2 .*; this is the first clean' \
  memory -p wsclock --window 2 -e 1,2w,3,1,4,2,5w,1
says '1 goes: all were used; the second round clears the bits of 1, 2 and 3, and the third' memory -p enhanced-clock -e 1,2w,3,4
says '3 goes: its class is 0, neither used nor written; none is lower [(]1: 2, 2: 1[)][.]$' memory -p nru --tick 3 -e 1,2w,3,1,4
says '^Reference 4, .* 1 goes: 3 pages are new, and 1 should be; it is the oldest of these[.] ' memory -p 2q -e 1,2,3,4
says '1 goes: .* 0 0110; none is lower [(]4: 0 1000, 2: 0 1000[)][.]$' memory -p aging --tick 2 --bits 4 -e 1,2w,3,1,4,2,5w
says '^Reference 7, page 5: 4 pages; a fault: .* 4 references; 3 left the window' memory -p working-set -e 1w,2,3,1,4,2,5
says '4 references after the last, which is late: 1 and 2 were not used since, and go' memory -p pff --interval 3 -e 1,2,3,3,3,3,5
says '2 goes: .*of equals it was loaded first[.]' memory -p lfu -e 1,2,3,1,4
says '3 goes: it was used least often [(]uses: 1 2, 2 2, 3 1[)][.]' memory -p lfu -e 1,2,3,1,2,4
says '^fork\(\): of 2 come 4: each that comes to a fork becomes two[.]$' processes -p forks -e 'fork(); fork();'
says 'of 1 come 3: .*; a child sees 0, .* true; && goes on where it was true[.]$' processes -p forks -e 'fork() && fork();'
says 'b ends: c now has the parent a' processes -p tree -e a+b b+c b-
says '^Tick 9: 1 has ended' processes -e c3,i,c2 c4
says 'day 21 in \*/10 and Friday in 5[.]$' cron '0 0 */10 * 5' --after 2024-06-20T00:00 --count 1 -e
says 'day 1 in 1, which is enough, as Monday is not in 5[.]$' cron '0 0 1 * 5' --after 2024-06-29T00:00 --count 1 -e
says 'minute 30 is in \*/15' cron '*/15 9-17 * * 1-5' --after 2024-01-05T16:20 -e
json "[x['id'] for x in a][0] == 'readers-first'" sync --all -p fair R1:r W1:w R2:r R1:done R2:done W1:done
says '^With --switch SWITCH_ON_END: time .* 16 instead of 12' processes c3,i,c2 c4

# Input from files and generators.
printf 'name,arrival,burst,priority\nA,0,5,2\nB,1,3,1\n' >"$work/jobs.csv"
json "a['input']['processes'] == [['A', 0, 5, 2], ['B', 1, 3, 1]]" cpu -f "$work/jobs.csv"
printf 'A,B\nB,A\n' >"$work/edges.csv"
json "a['answer']['on_cycle'] == ['A', 'B']" deadlock -p wait-for -f "$work/edges.csv"
spindle translate --json --table 0+3 5 >"$work/translate.json"
json "a['answer']['physical'] == [53]" translate -f "$work/translate.json"
spindle cpu -p sjf --json A:0:5 B:1:3 C:2:1 >"$work/case.json"
json "a['algorithm'] == 'SJF' and a['answer']['completion'] == {'A': 5, 'B': 9, 'C': 6}" cpu -f "$work/case.json"
spindle cpu -p sjf,rr --json A:0:5 B:1:3 >"$work/cases.json"
spindle solve "$work/cases.json" | grep -q '^rr: cpu RR' || fail "what --json writes cannot be solved"
json "len(a['input']['refs']) == 50 and max(a['input']['refs']) < 9" memory -g zipf:count=50,pages=9,seed=4
json "a['input']['refs'] == [0, 1, 2, 0, 1]" memory -g loop:count=5,pages=8,loop=3
[ "$(spindle cpu -g uniform:count=9,seed=5 --csv | wc -l)" -eq 10 ] || fail "the CSV of nine processes"
[ "$(spindle disk --csv 5 9 | head -1)" = 'step,cylinder,distance (cylinders),way so far (cylinders)' ] || fail "CSV titles"

# Pictures, and plain ASCII.
draws "'P1' in words and 'time (ms)' in words and len(of('rect')) > 10" cpu -p rr -g uniform:count=6,seed=2
draws "'missed deadline' in words and 'P1' in words" realtime -p fixed P2:100:35 P1:50:20
draws "'cylinder' in words and {'53', '14', '183'} <= set(words) and len(of('circle')) >= 9" \
  disk -p sstf --head 53 $silberschatz
draws "len([e for e in of('circle')]) > 60" disk -p look -g uniform:count=60,seed=2
draws "words.count('7') >= 4 and 'fault: loaded' in words" memory -p clock $string
draws "'address (KiB)' in words and 'rest of E' in words" memory -p buddy A+100 B+240 C+64 D+256 B- A- E+75
draws "{'P1', 'gives back', 'units of R2'} <= set(words)" deadlock --available 3,3,2 $bank
draws "{'R', 'S', 'U'} <= set(words) and len(of('polygon')) == 5" deadlock -p wait-for R:A A:S S:R U:S
draws "'page 1' in words and 'address (bytes)' in words" translate 21
draws "{'hit', 'miss'} <= set(words)" translate -p tlb-lru 0 16 32 5 17
draws "'changed' in words and 'R1 done' in words" sync -p fair R1:r W1:w R2:r R1:done W1:done
draws "{'run', 'ready', 'wait'} <= set(words)" processes c3,i,c2 c4
draws "{'a', 'c', 'd'} <= set(words) and len(of('polygon')) >= 2" processes -p tree a+b b+c c+d b-
draws "'runs' in words" cron '*/15 * * * *' --after 2024-01-05T16:20
draws "{'CPU 0', 'CPU 1'} <= set(words)" cpu -p rr --cpus 2 -g uniform:count=6,seed=2
draws "'mean waiting (ms)' in words and 'rr' in words" cpu --all -g uniform:count=6,seed=2
draws "'pages in memory' in words" memory -p working-set --window 5 $string
draws "'memory (frames)' in words" memory --curve -p opt,sieve -g zipf:count=20000,pages=500 --frames 10,50,200
LC_ALL=C spindle disk --all 5 9 | LC_ALL=C grep -q '[^ -~]' && fail "other than ASCII in the C locale"
for face in "cpu A:0:3 B:1:2" "disk 5 9" "memory 1 2 1" "memory -p best-fit 50" "deadlock -p wait-for A:B B:A"; do
  LC_ALL=C spindle $face | LC_ALL=C grep -q '[^ -~]' && fail "$face: other than ASCII in the C locale"
done

# Traces: every format gives the same requests; typed input and a trace give the same.
for file in disksim.ascii blkparse.txt sda.blktrace fio.log fio3.log msr.csv spc.csv; do
  json "a['devices'] >= 1 and a['policies'][0]['requests'] >= 2" disk -t "$traces/$file"
done
json "[p['misses'] for p in a['policies']] == [9, 10]" memory -t "$traces/belady.txt" -p fifo --frames 3,4
json "a['references'] == 6 and a['pages'] == 4" memory -t "$traces/lackey.trace"
json "a['pages'] == 3" memory -t "$traces/memory.din" --page-size 65536
json "a['references'] == 6 and a['pages'] == 4" memory -t "$traces/objects.oracleGeneral" --all
tr , '\n' <<<$string >"$work/string"
json "a['policies'][0]['misses'] == 9 and a['policies'][0]['policy'] == 'opt'" memory -t "$work/string" --all --frames 3
json "[p['misses'] for p in a['policies']] == [11]" memory -t "$work/string" -p lfu --frames 3
json "[p['misses'] for p in a['policies']] == [13]" memory -t "$work/string" -p lfu --frames 3 --tie fifo
json "a['lru_curve'][2] == {'frames': 3, 'misses': 12}" memory --curve $string
json "a['policies'][0]['seek_ns'] > 0" disk -t "$traces/msr.csv" --disk 7200rpm --all
says ' 9 ' memory -t - -p fifo --frames 3 < <(cat "$traces/belady.txt")
json "a['policies'][0]['requests'] >= 2" disk -t - <"$traces/msr.csv"
refuses 'the trace is empty' memory -t - </dev/null
refuses 'the trace is empty' memory -t - < <(true)
says 'million a second' memory -t "$traces/belady.txt" -p lru,sieve --frames 2

# Wrong input.
refuses "^spindle cpu: arrival of P1: 'x' is not a number" cpu P1:x:3
refuses '^spindle cpu: burst of P1' cpu P1:0:-3
refuses 'the name P1 is used twice' cpu P1:0:3 P1:0:4
refuses 'quantum: fcfs has no such parameter' cpu -p fcfs --quantum 4 P1:0:3
refuses 'quantum' cpu -p rr --quantum 0 P1:0:3
json "a['algorithm'] == 'RR'" cpu -p round_robin P1:0:3
json "a['algorithm'] == 'SATF'" disk -p SPTF 7 30 8
json "a['algorithm'] == 'OPT'" memory -p optimal 1 2 1
refuses "'nope' is neither one of .* nor a library" cpu -p nope P1:0:3
refuses "'nope' is not one of vixie$" cron -p nope
printf 'A:0:1,,%0*d' 4096 0 >"$work/long"
refuses "^.{0,150}0[.]{3}'$" cpu -f "$work/long"
refuses "^.{0,150}é[.]{3}' is not a number$" memory "x$(printf 'é%.0s' {1..99})"
refuses '^spindle cpu: --affinity: 3 is not from 0 to 1' cpu --cpus 2 --affinity P1+3 P1:0:3
refuses 'processes: none given; type NAME:ARRIVAL:BURST.*, or use --file or --generate$' cpu
refuses '^spindle disk: queue: 500 is not from 0 to 199' disk 500
refuses "frames: 'x' is not a number" memory --frames x 1 2
refuses 'until' realtime A:1.5:1
refuses 'available' deadlock $bank
refuses 'cannot be read' cpu -f "$work/missing"
refuses "'zipf' is not one of uniform" cpu -g zipf
refuses "'foo' is not a parameter of zipf" memory -g zipf:foo=3
refuses 'not more than one' cpu -g uniform P1:0:3
refuses 'no question without --quiz' cpu --answer P1:0:3
refuses 'cannot be written' cpu P1:0:3 --svg /nonexistent/picture.svg
refuses 'trace: .* cannot be opened' memory -t "$work/missing"
printf '1\n2\nthree\n' >"$work/wrong"
refuses 'byte 4: the line is not a page number' memory -t "$work/wrong"
refuses "format: 'x' is not one of" memory -t "$work/wrong" --format x
refuses 'looks like none of' disk -t "$work/wrong"
refuses 'depth' disk -t "$traces/msr.csv" --depth 0
refuses "'floppy' is not one of" disk -t "$traces/msr.csv" --disk floppy

refuses '^spindle age: --days: 0 is not from 1 to 36500; `spindle age --help` says more$' age image --days 0
refuses '^spindle age: --fill: 99.5 is not from 1 to 99; ' age image --fill 99.5
refuses '^spindle picture: --by: .colour. is not one of .*kind, ' picture image --by colour
refuses '^spindle age: IMAGE is required; ' age

# A misspelt option is reported first, whatever else is missing.
refuses_option() {
  "$@" >"$work/error" 2>&1 && fail "$*: it is taken"
  head -1 "$work/error" | grep -q 'not expected: --bogus' || fail "$*: $(cat "$work/error")"
}
refuses_option spindle mount --bogus
refuses_option spindle --bogus
refuses_option mkfs.spindle --bogus
refuses_option fsck.spindle --bogus

for face in cpu realtime disk memory translate deadlock sync processes cron; do
  refuses "input: ':' has no value" $face 5 :
  refuses "input: '' has no value" $face ''
done
# A missing value is not taken from what follows it.
refuses "^spindle cpu: input: something is missing in 'P1:0::2'$" cpu P1:0::2
refuses "^spindle memory: input: something is missing in '7,0,,1'$" memory 7,0,,1
refuses "^spindle deadlock: input: something is missing in 'P0:0,,1:3,2'$" deadlock --available 3,2 P0:0,,1:3,2
refuses "^spindle deadlock: --available: something is missing in '3,,2'$" deadlock --available 3,,2 P0:0,1:3,2
printf 'name,arrival,burst,priority\r\nP1,0,,2\r\n' >"$work/gap.csv"
refuses "^spindle cpu: --file: something is missing in line 2, 'P1,0,,2'$" cpu -p priority -f "$work/gap.csv"
printf '# a comment\nname,arrival,burst,priority\n\nP1,0,5,\n' >"$work/gap.csv"
refuses "^spindle cpu: --file: something is missing in line 4, 'P1,0,5,'$" cpu -p priority -f "$work/gap.csv"
printf 'name,arrival,burst,,\nP1,0,5,,\n,,,,\nP2,1,3\n' >"$work/spreadsheet.csv"
json "a['answer']['completion'] == {'P1': 5, 'P2': 8}" cpu -f "$work/spreadsheet.csv"
printf '7,0,1,\n2,0,3\n' >"$work/references.csv"
json "a['input']['refs'] == [7, 0, 1, 2, 0, 3]" memory -f "$work/references.csv"
refuses 'the name P0 is used twice' deadlock --available 3,2 P0:0,1:3,2 P0:1,1:2,2
refuses "'0\+2' is about a page that has an entry" translate --table 0+1,0+2 5
refuses "'0\+1\+7' is about a page that has an entry" translate -p multi-level --fields 2,2,4 --table 0+3,0+1+7 21
refuses "'0\+3' is about a page that has an entry" translate -p multi-level --fields 2,2,4 --table 0+1+7,0+3 21
says 'page 4: a fault; 0 goes: from the oldest on, bits are cleared' memory -p second-chance --frames 4 -e 0,1,2,3,0,4
refuses 'the name A is used twice' realtime A:5:2 A:7:2
refuses 'the name A is used twice' memory -p shared-lru A:1,2 A:3,4
refuses '^spindle cpu: --cpus: 0 is not from 1 to 64$' cpu --cpus 0 A:0:4
refuses "'A:V:B' is not NAME:P .* or NAME:V" sync A:V:B
says '^operations that failed +1$' memory -p heap-best --size 100 +200
refuses 'the process holds more than its maximum \(item 2 of the list\)' deadlock --available 3 P0:0:1 P1:2:1
refuses "ops: 'B-' frees what is not allocated" memory -p buddy A+70 B-
refuses "ops: 'A-' frees what is not allocated" memory -p buddy A+70 A- A-
json "a['answer']['allocations'][1] == ['B', None, 2048]" memory -p buddy A+70 B+2000 B- A-
echo '{"domain": "cpu", "algorithm": "RR", "input": {"processes": [["A", 0, 3]' >"$work/cut.json"
refuses '^spindle cpu: --file: .*cut.json: not JSON: parse error at line ' cpu -f "$work/cut.json"
echo '{"domain": "cpu", "algorithm": "RR", "parameters": {"quantm": 2}, "input": {"processes": [["A", 0, 3]]}}' >"$work/misspelt.json"
says 'rr: parameters: "quantm" means nothing here' cpu -f "$work/misspelt.json"

refuses "addresses: 'x' is not a number" translate x
refuses "table: '5' is not an entry" translate --table 5 3
refuses "operations: 'A:Q' is not NAME:P" sync A:Q
refuses "processes: 'A:1' is not NAME:ALLOCATION:MAX" deadlock A:1
refuses 'period of A: not above 0' realtime A:0:1
refuses 'arrival of P1: -1 is below 0' cpu P1:-1:3
refuses 'programs: a program is a list like' processes x3
refuses 'program: not a program of forks' processes -p forks 'jump()'
refuses 'actions: there is no such process' processes -p tree a+b c+d
refuses '^spindle memory: --load-bit: nru has no such parameter' memory -p nru --load-bit 0 1,2
refuses 'program: not a program of forks: x has no value' processes -p forks 'if (x) fork();'
refuses 'ops: "fly TERM" is not one of' processes -p signals fly:TERM
refuses 'expression: "25" is not a valid hour' cron '0 25 * * *'
refuses "after: 'noon' is not a time" cron '0 5 * * *' --after noon

# Scenarios of the simulated machine.
scenarios=$tests/../../examples/machine/scenarios
json "a['avg_waiting'] == 5.6667" run "$scenarios/textbook.lua"
draws "{'CPU', 'P1', 'P2', 'P3'} <= set(words)" run "$scenarios/textbook.lua"
json "[x['avg_waiting'] for x in a] == sorted(x['avg_waiting'] for x in a) and len(a) > 15" \
  run "$scenarios/textbook.lua" --all-policies
says '^page faults since the point before' run "$scenarios/thrashing.lua" --curves -
says '^memory at [0-9.]+ ms' run "$scenarios/thrashing.lua" --memory -
says '^ +[0-9]+ +[0-9]+ +[0-9]+  walker-3 anonymous ' run "$scenarios/thrashing.lua" --memory -
# Also if the total is little compared with what there is.
says '^ +[0-9]+ +[0-9]+ +268  file ' run "$scenarios/mixed.lua" --memory -
says '^the arm, which moved over [0-9]+ cylinders in all' run "$scenarios/thrashing.lua" --arm -
for picture in memory arm; do
  spindle run "$scenarios/thrashing.lua" --$picture "$work/picture.svg" >"$work/text" || fail "run --$picture: exit status $?"
  python3 "$tests/svg.py" "$work/picture.svg" "len(words) > 5" || fail "run --$picture: no picture"
done
wrong() {
  echo "$2" >"$work/wrong.lua"
  refuses "$1" run "$work/wrong.lua"
}
wrong "wrong.lua:1: machine: there is no 'quantun'" 'machine { quantun = 4 }'
wrong "wrong.lua:2: process: 'burst' is a list of numbers" $'machine {}\nprocess { burst = { 4, "x" } }'
wrong 'wrong.lua:1: machine: '\''policy'\'' is fcfs, rr, ' 'machine { policy = "nope" } process { burst = 1 }'
wrong 'wrong.lua:3: ' $'process {\n'
wrong 'wrong.lua: there is no process in it' ''
refuses 'No such file' run "$work/missing.lua"
refuses 'cannot be written' run "$scenarios/textbook.lua" --arm /nonexistent/picture.svg
echo 'process { "P", code = "print(arg[1], #arg)", arguments = { 1500 } }' >"$work/arguments.lua"
says '^1500	1$' run "$work/arguments.lua"

[ $failures -eq 0 ] && echo "faces: all as expected"
exit $((failures != 0))
