# Completion for bash: spindle, mkfs.spindle, fsck.spindle.  . src/cli/completion/spindle.bash

# Completes one mount option, the last of a comma-separated list.
_spindle_mount_option() {
  local before= item=$1
  if [[ $item == *,* ]]; then before=${item%,*},; item=${item##*,}; fi
  local names
  case $item in
    data=*) names="data=ordered data=journal" ;;
    cache-policy=*) names=$(printf 'cache-policy=%s ' lru fifo clock lfu 2q arc sieve s3-fifo mru mfu second-chance nru enhanced-clock aging wsclock random) ;;
    arm=*) names=$(printf 'arm=%s ' fcfs sstf scan c-scan look c-look fscan n-step-scan v-r sptf deadline) ;;
    disk=*) names=$(printf 'disk=%s ' textbook 7200rpm 15000rpm ssd none) ;;
    fit=*) names=$(printf 'fit=%s ' near first best worst next buddy) ;;
    cpu=*) names=$(printf 'cpu=%s ' $_spindle_cpu_policies) ;;
    *) names="ro rw allow_other default_permissions nodefault_permissions noatime nodiratime relatime strictatime sync async dirsync
         data= cache= cache-policy= arm= disk= pace= fit= cpu= commit= write-log= nodev nosuid noexec" ;;
  esac
  compopt -o nospace 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$names" -- "$item")
  case $item in
    arm=*/* | cache-policy=*/* | fit=*/* | cpu=*/*) _spindle_libraries "$before${item%%=*}=" "${item#*=}" ;;
  esac
}

# Completes the path of a library with a policy: folders, and what ends in .so.
_spindle_libraries() {
  compopt -o nospace 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -P "$1" -S / -d -- "$2"; compgen -P "$1" -f -X '!*.so' -- "$2")
}

# Bash parts words at "=": joins what belongs to the word under the cursor, and cuts it off the answers again.
_spindle_word() {
  local line=${COMP_LINE:0:COMP_POINT}
  word=${line##*[[:space:]]}
}
_spindle_cut() {
  local cut=${word%"${COMP_WORDS[COMP_CWORD]#=}"} i
  [[ $word == *=* ]] || return 0
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$cut"}; done
}

_spindle_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
_spindle_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); }
_spindle_folders() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word"); }

# Completes one policy, the last of a comma-separated list.
_spindle_policies() {
  local before=
  if [[ $word == *,* ]]; then before=${word%,*},; fi
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${word##*,}")
  if [[ ${word##*,} == */* ]]; then _spindle_libraries "$before" "${word##*,}"; fi
}

_spindle_cpu_policies="fcfs sjf srtf rr vrr priority priority-preemptive priority-aging priority-rr hrrn mlq feedback mlfq
  lottery stride cfs eevdf fair-share ljf lrtf"

# The faces of the solver: completes the options of one, and what stands after them.
_spindle_face() {
  local policies options="-p --policy -a --all -e --explain -f --file -g --generate --svg --json --csv --quiz --answer -h --help -V --version"
  local generators=uniform: formats= ties=
  case $1 in
    cpu)
      policies="$_spindle_cpu_policies estimate mlfq-jobs lottery-jobs stride-tickets cfs-slices amdahl io-wait"
      options+=" --quantum --context-switch --priority-order --tie --requeue --devices --alpha --first --aging-interval
        --quanta --doubling --levels --allotments --boost --stay --io-bump --seed --latency --granularity --cpus --queues
        --migration --migration-cost --affinity --io-time --full-quantum --draws --big --slices --weight0 --stretch
        --serial --cores --io-share --memory --system --process"
      ties="arrival requeue" ;;
    realtime)
      policies="rm dm edf llf fixed response-time rm-bound" options+=" --until --tasks" generators=uunifast: ;;
    memory)
      policies="lru fifo opt clock second-chance enhanced-clock nru aging wsclock lfu mfu mru random 2q arc sieve s3-fifo
        working-set pff state-nru state-fifo state-lru state-second-chance aging-counters shared-lru shared-fifo shared-clock thrashing first-fit best-fit worst-fit
        next-fit compaction buddy
        heap-first heap-best heap-worst access-tlb access-faults access-all fault-rate pages table-size table-levels slab"
      options+=" --frames --load-bit --tie --keep-counts --count-cold --tick --window --interval --bits --seed --holes --fixed --size --min --base --header --align --order --coalesce --scope --allotment --quantum --fault-time --degree --hit-ratio --memory-ns --tlb-ns --levels --fault-rate --fault-ns --dirty --faults-of --slowdown --bytes --address-bits --entry-bytes --slab-bytes --object-bytes --objects -t --trace --format --page-size --curve"
      generators="uniform: zipf: sequential: loop: phases:" formats="numbers lackey din oracleGeneral" ties="fifo lru" ;;
    disk)
      policies="fcfs sstf scan c-scan look c-look fscan n-step-scan v-r deadline satf bsatf asatf rotating-fifo rotating-sstf
        random-io track-read seek capacity chs-to-lba lba-to-chs"
      options+=" --head --cylinders --direction --tie --count-return --turn --reentry --steps --r --seek-per-cylinder --service-time
        --read-deadline --write-deadline --batch --seek-speed --rotate-speed --skew --zones --window --aging
        --seek-ms --rpm --mb-per-s --bytes --sectors-per-track --sectors-read --distance --curve --track-to-track-ms
        --full-stroke-ms --table --heads --sectors --sector-bytes --chs --lba -t --trace --format --depth --disk"
      generators="uniform: sequential:" formats="disksim blkparse blktrace fio msr spc" ties="lower higher arrival direction" ;;
    raid)
      policies="raid-5 raid-0 raid-1 raid-4 raid-6 parity raid-rate raid-life"
      options+=" --disks --disk-blocks --chunk --copies --layout --parity-update --failed-disk --write --level
        --sequential-mb-per-s --random-mb-per-s --mirror-reads --mttf-hours --mttr-hours" ;;
    files)
      policies="contiguous linked fat indexed inode inode-size path fat-chain bitmap counting free-list grouping first-free space-size fat-size"
      options+=" --blocks --count-from --room-before --room-after --move-start --tail-known --index-in-memory --write-index
        --block-size --pointer-bytes --direct --single --double --triple --inode-in-memory --address-limit --root-in-memory --keep --directory-blocks --table --used --address-bits
        --one --freed --group --word-bits --disk-bytes --entry-bits --number-bits --table-on-disk" ;;
    deadlock)
      policies="banker detection victim wait-for" options+=" --available --requests --costs" ;;
    translate)
      policies="paging base-limit segments two-segments multi-level two-level inverted page-offset split-bits tlb-lru
        tlb-fifo tlb-random"
      options+=" --page-size --directory --memory --table --fields --base --limit --space --base0 --limit0 --base1 --limit1 --entries --sets --asid --seed" ;;
    sync)
      policies="semaphore bounded-buffer readers-first writers-first fair" options+=" --initial --capacity" ;;
    processes)
      policies="states forks tree signals" options+=" --io-length --switch --io-done --reparent" ;;
    cron)
      policies=vixie options+=" --after --count --star" ;;
  esac
  case $2 in
    -p | --policy) _spindle_policies "$policies" ;;
    -f | --file | -t | --trace | --svg) _spindle_files ;;
    -g | --generate) compopt -o nospace 2>/dev/null; _spindle_words "$generators" ;;
    --format) _spindle_words "$formats" ;;
    --tie) _spindle_words "$ties" ;;
    --priority-order) _spindle_words "low-first high-first" ;;
    --requeue) _spindle_words "arrivals-first preempted-first" ;;
    --devices) _spindle_words "own single" ;;
    --direction) _spindle_words "up down" ;;
    --turn | --reentry) _spindle_words "edge request" ;;
    --curve) if [[ $1 == disk ]]; then _spindle_words "constant linear square-root"; fi ;;
    --count-from) _spindle_words "0 1" ;;
    --layout) _spindle_words "left-symmetric left-asymmetric" ;;
    --parity-update) _spindle_words "fewest subtractive additive" ;;
    --level) _spindle_words "0 1 4 5" ;;
    --mirror-reads) _spindle_words "half all" ;;
    --faults-of) _spindle_words "misses accesses" ;;
    --one) _spindle_words "used free" ;;
    --freed) _spindle_words "front back" ;;
    --load-bit) _spindle_words "1 0" ;;
    --keep-counts | --count-cold | --count-return | --fixed | --doubling | --coalesce | --stay | --io-bump | --migration | \
      --full-quantum | --stretch | --room-before | --room-after | --move-start | --tail-known | --index-in-memory | \
      --write-index | --inode-in-memory | --address-limit | --table-on-disk | --root-in-memory | --keep | --asid)
      _spindle_words "yes no" ;;
    --scope) _spindle_words "global local" ;;
    --allotment) _spindle_words "equal proportional" ;;
    --queues) _spindle_words "shared per-cpu" ;;
    --switch) _spindle_words "SWITCH_ON_IO SWITCH_ON_END" ;;
    --io-done) _spindle_words "IO_RUN_LATER IO_RUN_IMMEDIATE" ;;
    --reparent) _spindle_words "root parent" ;;
    --star) _spindle_words "begins whole" ;;
    --disk) _spindle_words "none textbook 7200rpm 15000rpm ssd" ;;
    *) if [[ $word == -* ]]; then _spindle_words "$options"; fi ;;
  esac
}

# The commands that watch a mount. After -- stands a command with words of its own.
_spindle_laboratory() {
  local options
  if [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" -- "* ]]; then _spindle_files; return; fi
  case $1 in
    trace) options="--op --path --pid --json --chrome --blktrace --fio --disksim -f --follow --on --off --size" ;;
    watch) options="-i --interval --once --json -n --count" ;;
    experiment) options="--cold --json --svg --html" ;;
    record) options="--contents" ;;
    replay) options="--strategy --fit --arm --cache-policy --cache --disk -j --jobs --top --json" ;;
  esac
  case $2 in
    --op) _spindle_words "lookup getattr setattr create mkdir unlink rmdir rename link symlink open read write fsync release
      readdir readdirplus statfs getxattr setxattr fallocate" ;;
    --chrome | --svg | --html | --blktrace | --fio | --disksim) _spindle_files ;;
    --strategy) _spindle_policies "all contiguous linked fat indexed extent" ;;
    --fit) _spindle_policies "all near first best worst next buddy" ;;
    --arm) _spindle_policies "all fcfs sstf scan c-scan look c-look fscan n-step-scan v-r sptf deadline" ;;
    --cache-policy) _spindle_policies "all lru fifo clock lfu 2q arc sieve s3-fifo mru mfu second-chance nru enhanced-clock aging wsclock random" ;;
    --disk) _spindle_policies "all textbook 7200rpm 15000rpm ssd none" ;;
    -i | --interval | -n | --count | --path | --pid | --size | --cache | --jobs | -j | --top) ;;
    *)
      if [[ $word == -* ]]; then
        _spindle_words "$options -h --help -V --version --"
      elif [[ $1 == replay ]] || ((COMP_CWORD > 2)); then
        _spindle_files
      else
        _spindle_folders
      fi ;;
  esac
}

_spindle() {
  local word i
  _spindle_word
  if ((COMP_CWORD == 1)); then
    _spindle_words "mount umount enter shell inspect crash damage undo map age defrag picture trace watch experiment record replay run solve cpu realtime memory translate disk raid files deadlock sync processes cron -h --help -V --version"
    return
  fi
  case ${COMP_WORDS[1]} in
    mount)
      for ((i = COMP_CWORD; i > 1; --i)); do
        case ${COMP_WORDS[i-1]} in
          -o | --options) _spindle_mount_option "$word"; _spindle_cut; return ;;
          = | *=* | *,*) ;;
          *) [[ ${COMP_WORDS[i]} == = ]] || break ;;
        esac
      done
      if [[ $word == -* ]]; then _spindle_words "-o --options -f --foreground --debug -h --help -V --version"; else _spindle_files; fi ;;
    inspect)
      if [[ $word == -* ]]; then
        _spindle_words "--json -h --help -V --version"
      elif ((COMP_CWORD == 2)); then
        _spindle_files
      else
        _spindle_words "superblock inode block map directory journal free groups"
      fi ;;
    crash)
      if [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" -- "* ]]; then _spindle_files; return; fi
      case ${COMP_WORDS[COMP_CWORD-1]} in
        --last | --at | --drop | --torn | --transaction | --samples | --exhaustive | --seed | -j | --jobs) ;;
        --keep) _spindle_words "all none" ;;
        -o | --options | --output | --image)
          if [[ ${COMP_WORDS[2]} == record ]]; then _spindle_mount_option "$word"; _spindle_cut; else _spindle_files; fi ;;
        *) if [[ $word == -* && ${COMP_WORDS[2]} == record ]]; then
             _spindle_words "-o --options --force -h --help -V --version --"
           elif [[ $word == -* ]]; then
             _spindle_words "--last --at --keep --drop --torn -o --output --force --explore --transaction --lying-disk
               --samples --exhaustive --seed -j --jobs --replay-steps --image --json -h --help -V --version"
           else
             _spindle_files
             if ((COMP_CWORD == 2)) && [[ record == "$word"* ]]; then COMPREPLY+=(record); fi
           fi ;;
      esac ;;
    damage)
      case ${COMP_WORDS[COMP_CWORD-1]} in
        --kind) _spindle_words "bad-bitmap bad-link-count bad-map bad-parent bad-size bit-flip cross-link dangling-name
            journal loop lost-block orphan stale superblock wrong-type" ;;
        --seed) ;;
        *) if [[ $word == -* ]]; then
             _spindle_words "--kind --seed -o --output --force --answer -h --help -V --version"
           else
             _spindle_files
           fi ;;
      esac ;;
    undo)
      if [[ $word == -* ]]; then _spindle_words "--force -h --help -V --version"; else _spindle_files; fi ;;
    map) if [[ $word == -* ]]; then _spindle_words "-r --recursive --runs --json -h --help -V --version"; else _spindle_files; fi ;;
    age)
      case ${COMP_WORDS[COMP_CWORD-1]} in
        --strategy) _spindle_words "mix contiguous linked fat indexed extent" ;;
        --seed | --days | --fill | --churn) ;;
        *) if [[ $word == -* ]]; then
             _spindle_words "--seed --days --fill --churn --strategy --json -h --help -V --version"
           else
             _spindle_files
           fi ;;
      esac ;;
    defrag)
      if [[ $word == -* ]]; then
        _spindle_words "-n --dry-run --pack --no-pack --files --json -h --help -V --version"
      else
        _spindle_files
      fi ;;
    picture)
      case ${COMP_WORDS[COMP_CWORD-1]} in
        --kind) _spindle_words "blocks arm seeks responses hits journal policies" ;;
        --by) _spindle_words "kind strategy file pieces" ;;
        --blocks) ;;
        --arm) _spindle_words "fcfs sstf scan c-scan look c-look fscan n-step-scan v-r sptf deadline" ;;
        --disk) _spindle_words "textbook 7200rpm 15000rpm ssd none" ;;
        --depth) ;;
        --all) _spindle_folders ;;
        *) if [[ $word == -* ]]; then
             _spindle_words "--kind --by --blocks --svg --png --json --all --arm --disk --depth -h --help -V --version"
           else
             _spindle_files
           fi ;;
      esac ;;
    cpu | realtime | memory | translate | disk | raid | files | deadlock | sync | processes | cron)
      _spindle_face "${COMP_WORDS[1]}" "${COMP_WORDS[COMP_CWORD-1]}" ;;
    trace | watch | experiment | record | replay)
      _spindle_laboratory "${COMP_WORDS[1]}" "${COMP_WORDS[COMP_CWORD-1]}" ;;
    run)
      case ${COMP_WORDS[COMP_CWORD-1]} in
        --policy) _spindle_policies "$_spindle_cpu_policies edf llf" ;;
        --seed) ;;
        --svg | --curves | --arm | --memory | --trace) _spindle_files ;;
        *) if [[ $word == -* ]]; then
             _spindle_words "--policy --all-policies --seed --json --svg --curves --arm --memory --trace -h --help -V --version"
           else
             _spindle_files
           fi ;;
      esac ;;
    solve) if [[ $word == -* ]]; then _spindle_words "--json -h --help -V --version"; else _spindle_files; fi ;;
    enter)
      if ((COMP_CWORD == 2)); then
        if [[ $word == -* ]]; then _spindle_words "-h --help -V --version"; else _spindle_folders; fi
      elif ((COMP_CWORD == 3)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
      else
        _spindle_files
      fi ;;
    shell)
      if [[ $word == -* ]]; then
        _spindle_words "-c --command -h --help -V --version"
      elif ((COMP_CWORD == 2)); then
        _spindle_folders
      else
        _spindle_files
      fi ;;
    umount)
      if [[ $word == -* ]]; then _spindle_words "-h --help -V --version"; else _spindle_folders; fi ;;
  esac
}

_mkfs_spindle() {
  local word previous=${COMP_WORDS[COMP_CWORD-1]}
  _spindle_word
  case $previous in
    -b | --block-size) _spindle_words "1K 2K 4K 8K 16K 32K 64K" ;;
    -a | --strategy) _spindle_words "contiguous linked fat indexed extent" ;;
    -d | --directory) _spindle_folders ;;
    -L | --label | -U | --uuid | -N | --inodes | -J | --journal-size | -g | --group-size) ;;
    *)
      if [[ $word == -* ]]; then
        _spindle_words "-b --block-size -a --strategy -L --label -U --uuid -N --inodes -J --journal-size -g --group-size
          -d --directory -n --dry-run -q --quiet --json --force -h --help -V --version"
      else
        _spindle_files
      fi ;;
  esac
}

_fsck_spindle() {
  local word
  _spindle_word
  if [[ $word == -* ]]; then _spindle_words "-n -p -a -y -f -v --explain --undo --json -h --help -V --version"; else _spindle_files; fi
}

complete -F _spindle spindle
complete -F _mkfs_spindle mkfs.spindle
complete -F _fsck_spindle fsck.spindle
