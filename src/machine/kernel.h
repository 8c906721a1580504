// Kernel: the inside of a Machine: its clock, its threads, and the service of their requests.
//
// The kernel works through one instant at a time. A thread's request is served when its system time
// is over, by the handler of its call (calls.h): it answers, has the thread wait, or asks for more
// system time and is called again. Handlers and the parts below them share the Kernel's public
// members: it is the one object that all of them change, each in its own part.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agenda.h"
#include "block_queue.h"
#include "cron.h"
#include "files.h"
#include "outcome.h"
#include "pressure.h"
#include "process.h"
#include "scheduler.h"
#include "spindle/base/latest.h"
#include "spindle/base/random.h"
#include "spindle/machine/machine.h"
#include "synchronisation.h"

namespace spindle {

class LuaMemory;
class Paging;

/// The most that a program's file may have, and each file that it loads.
inline constexpr std::size_t kMostProgramBytes = std::size_t{1} << 20;

class Kernel final : public Scheduler::Client {
 public:
  static constexpr ProcessNumber kMostNumber = 29'999;
  static constexpr std::size_t kMostRecords = 100'000;
  static constexpr std::size_t kMostDeadlocks = 100;

  static Result<std::unique_ptr<Kernel>> create(const MachineConfiguration& configuration,
                                                MachineHost& host);
  ~Kernel() override;

  // Time (kernel.cc).
  [[nodiscard]] VirtualTime now() const { return scheduler->now(); }
  void run_until(VirtualTime time);
  bool step();
  [[nodiscard]] std::optional<VirtualTime> next_event() const;
  [[nodiscard]] bool finished() const;
  [[nodiscard]] bool stuck() const;
  Result<> set_cpu_policy(std::string_view name, const CpuConventions& conventions);
  /// The machine was changed from outside: what follows happens first when time goes on.
  void note_change() { was_changed_ = true; }

  // What becomes of a thread (kernel.cc).
  void serve(Thread& thread) override;
  /// Has the thread, which runs or is about to, wait in `queue` or for a timer. When it wakes, it
  /// has been `answer`ed, or its handler is called again, as `awake` says.
  enum class Awake : std::uint8_t { kAnswered, kRetries };
  void block(Thread& thread, WaitQueue* queue, const char* channel, std::string object,
             Awake awake);
  /// The same, until a device is done: no signal ends it.
  void block_for_disk(Thread& thread, const char* channel);
  /// Ends the wait.
  void wake(Thread& thread);
  void wake_all(WaitQueue& queue);
  /// Ends the wait with the answer to the request.
  void answer(Thread& thread, Response response);
  void set_timer(Thread& thread, std::int64_t span_ns);
  /// Learns what the thread does next and puts it into a run queue, unless it was stopped or ended.
  void make_ready(Thread& thread, Why why);

  // Processes (kernel_process.cc).
  Result<ProcessNumber> start(const StartRequest& request);
  [[nodiscard]] Process* find_process(ProcessNumber number) const;
  [[nodiscard]] Thread* find_thread(ProcessNumber number) const;
  Result<Process*> make_process(const std::string& name, Process& parent);
  Result<Thread*> make_thread(Process& process, std::unique_ptr<Program> program);
  /// EAGAIN if the machine, or the user, already has the most threads allowed.
  [[nodiscard]] Result<> may_add_thread(const Process& process) const;
  /// Replaces the program of a process, whose only thread this is.
  Result<> load_program(Thread& thread, const std::string& path,
                        const std::vector<std::string>& arguments, const std::string* source);
  Result<> open_standard(Process& process, const std::vector<std::string>& descriptors);
  void rename(Process& process, const std::string& name);
  /// Removes a process that was made, but could not be completed.
  void discard(Process& process);
  void add_record(Process& process, VirtualTime arrival);
  /// Null if the process has no record, or it was forgotten as too old.
  ProcessRecord* record_of(const Process& process);
  void arrive(Thread& thread);
  /// Puts the thread behind the others that are ready.
  void give_way(Thread& thread);
  void end_process(Process& process, int wait_status);
  void end_thread(Thread& thread);
  /// Closes all descriptors.
  void close_all(Process& process);
  void close(Process& process, int descriptor);
  /// Lets the threads whose request can be granted now go on.
  void grant_resources();
  /// Has it checked at the end of the instant whether the thread can ever go on.
  void suspect(const Thread& thread);
  /// The same for all threads.
  void suspect_all() { suspects_all_ = true; }
  /// Suspects all, and reports deadlocks again that were reported before.
  void forget_reports();
  void look_for_deadlocks();
  void reap(Process& process);
  [[nodiscard]] std::uint64_t processes_of(std::uint32_t uid) const;

  // Signals (kernel_signal.cc).
  Result<> kill(ProcessNumber target, int signal, std::uint32_t by);
  /// Sends a signal to the process, or to one thread of it. It takes effect now, or as soon as the
  /// thread leaves the kernel.
  void send(Process& process, int signal, Thread* only = nullptr);
  static void set_disposition(Process& process, int signal, SignalDisposition disposition);
  /// Has the thread begin to handle its pending signals. False if that ended it.
  bool deliver(Thread& thread);
  void tell_parent(Process& process);
  /// Keeps the threads from CPUs, until the process is let go by all who held it.
  void hold_threads(Process& process, Holder who);
  void let_threads_go(Process& process, Holder who);
  [[nodiscard]] SignalSet deliverable(const Thread& thread) const;

  // Verbs (kernel_verbs.cc).
  Result<Thread*> permitted(ProcessNumber target, std::uint32_t by) const;
  Result<> set_nice(ProcessNumber process, int nice, std::uint32_t by);
  Result<> set_scheduling(ProcessNumber process, SchedulingClass scheduling, int priority,
                          std::uint32_t by);
  Result<> set_io_priority(ProcessNumber process, IoPriority priority, std::uint32_t by);
  /// The rank of the thread's requests at the disk: the lowest is served first.
  [[nodiscard]] static unsigned io_rank(const Thread& thread);
  Result<> set_cpus(ProcessNumber process, std::uint64_t cpus, std::uint32_t by);
  Result<> set_limit(ProcessNumber process, std::string_view limit, std::uint64_t value,
                     std::uint32_t by);

  // Files (kernel_file.cc).
  /// The lowest free number; EMFILE.
  Result<int> add_descriptor(Process& process, std::shared_ptr<OpenFile> file);
  Result<int> open_file(Process& process, const std::string& path, int flags);
  Outcome write_file(Thread& thread, OpenFile& file);
  /// Notes in the agenda when the disk is done with its present request.
  void schedule_disk();
  Result<> truncate_file(std::uint64_t file, std::uint64_t size);
  void show(const Thread& thread, int terminal, std::string_view text);
  std::size_t type(int terminal, std::string_view text, bool at_end);
  void clear_terminal(int terminal);
  std::string take_output(int terminal);

  // Views (kernel_snapshot.cc).
  SystemSnapshot snapshot_system();
  Result<ProcessSnapshot> snapshot_process(ProcessNumber number, WithAreas areas);
  /// True even before the process has been put into a run queue.
  [[nodiscard]] bool has_arrived(const Process& process) const { return process.started <= now(); }
  /// An event with the thread's names in it; to be filled, and recorded.
  [[nodiscard]] MachineEvent event(MachineEventKind kind, const Thread* thread) const;
  void say(const Thread* thread, std::string_view text);
  /// Writes to the thread's descriptor 2.
  void write_error(const Thread& thread, std::string_view text);

  MachineConfiguration configuration;
  MachineHost& host;
  EventRing events;
  Random random;
  std::unique_ptr<Scheduler> scheduler;
  Agenda agenda;
  std::unique_ptr<BlockQueue> disk;
  std::unique_ptr<Paging> paging;
  Files files;
  Synchronisation synchronisation;
  std::map<ProcessNumber, std::unique_ptr<Process>> processes;
  std::vector<DeadlockSnapshot> deadlocks;
  Latest<ProcessRecord> records{kMostRecords};
  std::string last_message;
  std::function<void(std::string_view)> console;

 private:
  Kernel(const MachineConfiguration& make, MachineHost& volume);
  Result<> build();
  void advance(VirtualTime time);
  void work_through();
  void handle(const AgendaEntry& entry);
  void tick_load();
  bool prepare(Thread& thread);
  void begin_request(Thread& thread);
  void finish_request(Thread& thread, Response response);
  bool serve_request(Thread& thread);
  [[nodiscard]] std::int64_t cost_of(SystemCall call) const;
  void leave_wait(Thread& thread);
  void timer_fired(Thread& thread);
  void alarm_fired(const AgendaEntry& entry);
  Result<int> open_one(Process& process, int number, const std::string& what);
  Outcome write_to_disk(Thread& thread, std::uint64_t file, std::uint64_t offset,
                        std::uint64_t bytes);
  void disk_done();
  void start_cron();
  bool read_crontab();
  void look_at_crontab();
  void schedule_cron(std::int64_t after);
  void run_cron();
  void enter(Thread& thread, const StartRequest& request);
  void settle_record(const Thread& thread);
  void leave_synchronisation(Thread& thread);
  void drop_thread(Thread& thread);

  Result<ProcessNumber> next_number();
  Process* make_kernel_process(const char* name, Process* parent);
  void finish_exit(Process& process);
  void count_tasks(SystemSnapshot& out) const;

  void report_deadlock(const std::vector<ProcessNumber>& numbers);
  [[nodiscard]] Thread* choose_victim(const std::vector<ProcessNumber>& numbers) const;

  bool deliver_one(Thread& thread, int signal);
  void finish_handler(Thread& thread);
  void nudge(Thread& thread, int signal);
  void interrupt_wait(Thread& thread);
  void stop(Process& process);
  void resume(Process& process);

  [[nodiscard]] bool is_due() const;

  std::vector<Thread*> thread_by_number_;
  /// Kept until the end of the instant: the code that ended them may still look at them.
  std::vector<std::unique_ptr<Thread>> dead_threads_;
  std::vector<std::unique_ptr<Process>> dead_processes_;
  std::unordered_map<Thread*, std::unique_ptr<Thread>> threads_;
  std::vector<ProcessNumber> suspects_;
  bool suspects_all_ = false;
  bool was_changed_ = false;  ///< somebody outside changed something that has not taken effect yet
  bool is_quiet_unseen_ = false;  ///< somebody began to wait, or ended, since the last search
  std::shared_ptr<LuaMemory> program_memory_;
  std::unique_ptr<Cron> cron_;       ///< null: the machine has no crontab at all
  std::optional<HostFile> crontab_;  ///< the file as it was when it was read
  std::uint64_t cron_entry_ = 0;     ///< the entry of the agenda that counts; others are old ones
  ProcessNumber last_number_ = 0;
  std::size_t thread_count_ = 0;
  std::size_t waiting_arrivals_ = 0;
  bool disk_is_scheduled_ = false;
  std::uint64_t forks_ = 0;
  std::array<double, 3> load_{};
  Pressure pressure_;
  std::uint64_t page_waits_ = 0;  ///< threads that wait for a page
  std::unordered_map<std::uint32_t, std::uint64_t> threads_of_user_;
};

}  // namespace spindle
