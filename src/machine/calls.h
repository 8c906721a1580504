// The handlers of system calls, by topic: calls_*.cc and spindle-machine(7) say what each takes
// from the request and what it answers.
#pragma once

#include "outcome.h"

namespace spindle {

class Kernel;
struct Thread;

using CallHandler = Outcome (*)(Kernel&, Thread&);

/// Null for calls that programs cannot ask for.
CallHandler handler_of(SystemCall call);

// calls_process.cc
Outcome call_compute(Kernel& kernel, Thread& thread);
Outcome call_exit(Kernel& kernel, Thread& thread);
Outcome call_exit_thread(Kernel& kernel, Thread& thread);
Outcome call_fork(Kernel& kernel, Thread& thread);
Outcome call_thread(Kernel& kernel, Thread& thread);
Outcome call_exec(Kernel& kernel, Thread& thread);
Outcome call_wait(Kernel& kernel, Thread& thread);
Outcome call_join(Kernel& kernel, Thread& thread);
Outcome call_identity(Kernel& kernel, Thread& thread);
Outcome call_processes(Kernel& kernel, Thread& thread);
Outcome call_set_group(Kernel& kernel, Thread& thread);
Outcome call_set_session(Kernel& kernel, Thread& thread);
Outcome call_sleep(Kernel& kernel, Thread& thread);
Outcome call_yield(Kernel& kernel, Thread& thread);
Outcome call_time(Kernel& kernel, Thread& thread);
Outcome call_print(Kernel& kernel, Thread& thread);

// calls_signal.cc
Outcome call_kill(Kernel& kernel, Thread& thread);
Outcome call_signal(Kernel& kernel, Thread& thread);
Outcome call_signal_mask(Kernel& kernel, Thread& thread);
Outcome call_pause(Kernel& kernel, Thread& thread);
Outcome call_alarm(Kernel& kernel, Thread& thread);
Outcome call_nice(Kernel& kernel, Thread& thread);
Outcome call_scheduler(Kernel& kernel, Thread& thread);
Outcome call_affinity(Kernel& kernel, Thread& thread);
Outcome call_io_priority(Kernel& kernel, Thread& thread);
Outcome call_limit(Kernel& kernel, Thread& thread);

// calls_synchronisation.cc
Outcome call_semaphore_open(Kernel& kernel, Thread& thread);
Outcome call_semaphore_wait(Kernel& kernel, Thread& thread);
Outcome call_semaphore_try(Kernel& kernel, Thread& thread);
Outcome call_semaphore_post(Kernel& kernel, Thread& thread);
Outcome call_mutex_lock(Kernel& kernel, Thread& thread);
Outcome call_mutex_try(Kernel& kernel, Thread& thread);
Outcome call_mutex_unlock(Kernel& kernel, Thread& thread);
Outcome call_monitor_open(Kernel& kernel, Thread& thread);
Outcome call_condition_wait(Kernel& kernel, Thread& thread);
Outcome call_condition_signal(Kernel& kernel, Thread& thread);
Outcome call_condition_broadcast(Kernel& kernel, Thread& thread);
Outcome call_queue_open(Kernel& kernel, Thread& thread);
Outcome call_queue_send(Kernel& kernel, Thread& thread);
Outcome call_queue_receive(Kernel& kernel, Thread& thread);
Outcome call_resource_open(Kernel& kernel, Thread& thread);
Outcome call_claim(Kernel& kernel, Thread& thread);
Outcome call_request(Kernel& kernel, Thread& thread);
Outcome call_release(Kernel& kernel, Thread& thread);

// calls_file.cc
Outcome call_open(Kernel& kernel, Thread& thread);
Outcome call_close(Kernel& kernel, Thread& thread);
Outcome call_read(Kernel& kernel, Thread& thread);
Outcome call_write(Kernel& kernel, Thread& thread);
Outcome call_seek(Kernel& kernel, Thread& thread);
Outcome call_status(Kernel& kernel, Thread& thread);
Outcome call_truncate(Kernel& kernel, Thread& thread);
Outcome call_remove(Kernel& kernel, Thread& thread);
Outcome call_rename(Kernel& kernel, Thread& thread);
Outcome call_link(Kernel& kernel, Thread& thread);
Outcome call_link_status(Kernel& kernel, Thread& thread);
Outcome call_make_link(Kernel& kernel, Thread& thread);
Outcome call_read_link(Kernel& kernel, Thread& thread);
Outcome call_change_mode(Kernel& kernel, Thread& thread);
Outcome call_set_times(Kernel& kernel, Thread& thread);
Outcome call_umask(Kernel& kernel, Thread& thread);
Outcome call_make_directory(Kernel& kernel, Thread& thread);
Outcome call_list(Kernel& kernel, Thread& thread);
Outcome call_do_file(Kernel& kernel, Thread& thread);
Outcome call_change_directory(Kernel& kernel, Thread& thread);
Outcome call_pipe(Kernel& kernel, Thread& thread);
Outcome call_duplicate(Kernel& kernel, Thread& thread);

// calls_memory.cc
Outcome call_map(Kernel& kernel, Thread& thread);
Outcome call_unmap(Kernel& kernel, Thread& thread);
Outcome call_protect(Kernel& kernel, Thread& thread);
Outcome call_break(Kernel& kernel, Thread& thread);
Outcome call_touch(Kernel& kernel, Thread& thread);
Outcome call_load(Kernel& kernel, Thread& thread);
Outcome call_store(Kernel& kernel, Thread& thread);
Outcome call_shared_memory(Kernel& kernel, Thread& thread);
Outcome call_shared_memory_remove(Kernel& kernel, Thread& thread);

}  // namespace spindle
