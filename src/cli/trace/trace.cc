// `spindle trace`: shows what happened under each request of a mount, from the call to the arm.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "cli/commands.h"
#include "cli/mount/mount_control.h"
#include "cli/trace/traced_requests.h"
#include "spindle/base/json_text.h"
#include "spindle/command_line/command_line.h"
#include "spindle/fuse/request_statistics.h"

namespace spindle::cli {
namespace {

struct TraceRequest {
  std::string mount;
  std::vector<std::string> command;
  TraceFilter filter;
  bool json = false;
  bool follow = false;
  bool on = false;
  bool off = false;
  std::uint64_t size = 0;
  std::string chrome;
  std::string blktrace;
  std::string fio;
  std::string disksim;

  [[nodiscard]] bool goes_to_files() const {
    return !chrome.empty() || !blktrace.empty() || !fio.empty() || !disksim.empty();
  }
};

constexpr std::uint64_t kEventsOfCommand = 65536;

/// Switches the trace on, and puts it back as it was.
class TraceOn {
 public:
  explicit TraceOn(const MountControl& control)
      : control_(control), was_on_(control.chosen("trace_on") == "on") {
    if (!was_on_) control_.write("trace_on", "on");
  }
  ~TraceOn() {
    if (!was_on_) control_.write("trace_on", "off");
  }
  TraceOn(const TraceOn&) = delete;
  TraceOn& operator=(const TraceOn&) = delete;

 private:
  const MountControl& control_;
  bool was_on_;
};

std::string shown_text(const TracedRequests& traced, bool as_json) {
  if (!as_json) return tree_text(traced, chart::terminal_style(STDOUT_FILENO));
  std::string lines;
  for (const Json& event : traced.events()) lines += json_text(event, kOneLine) + "\n";
  return lines;
}

volatile std::sig_atomic_t interrupted = 0;

void tell_of_lost(const TracedRequests& traced) {
  if (traced.lost() == 0) return;
  fmt::print(stderr, "{} older {} lost; --size keeps more.\n", traced.lost(),
             traced.lost() == 1 ? "event is" : "events are");
}

/// Shows requests as they end, until somebody interrupts or the mount goes.
void follow(const TraceRequest& request, const MountControl& control, Complaint& complaint) {
  const std::string path = control.directory() + "/.spindle/trace_pipe.jsonl";
  const int pipe = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (pipe < 0) return complaint.make(path + " cannot be opened");
  struct sigaction stop {};
  stop.sa_handler = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &stop, nullptr);
  const TraceOn on(control);
  TracedRequests traced;
  std::string text;
  std::vector<char> buffer(1 << 16);
  for (ssize_t got = 0;
       interrupted == 0 && (got = ::read(pipe, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos;
         text.erase(0, end + 1)) {
      const Json event = Json::parse(std::string_view(text).substr(0, end), nullptr, false);
      if (!event.is_discarded()) traced.add(event);
    }
    TracedRequests ended = traced.take_ended();
    tell_of_lost(ended);
    ended.keep_only(request.filter);
    fmt::print("{}", shown_text(ended, request.json));
    std::fflush(stdout);
  }
  ::close(pipe);
}

/// Runs the command with the trace on.
int run_traced(const TraceRequest& request, const MountControl& control, Complaint& complaint) {
  control.write("trace_size", std::to_string(request.size == 0 ? kEventsOfCommand : request.size));
  if (complaint.made()) return 1;
  const TraceOn on(control);
  const CommandRun run =
      run_command(request.command, request.json ? Output::kToError : Output::kAsIs, complaint);
  control.sync();
  return run.status;
}

/// Writes the block traces that are asked for.
void export_blocks(const TraceRequest& request, const MountControl& control,
                   const std::vector<Json>& events, Complaint& complaint) {
  if (request.blktrace.empty() && request.fio.empty() && request.disksim.empty()) return;
  const Json volume = control.json("volume/statistics");
  if (complaint.made()) return;
  const auto served =
      served_requests(events, volume.value("block_size_bytes", std::uint64_t{4096}));
  if (served.empty())
    return complaint.make("the disk served nothing that takes time (disk 'none' never does)");
  const std::string blktrace = request.blktrace.empty() ? "" : request.blktrace + ".blktrace.0";
  for (const auto& [path, format] : {std::pair(blktrace, DiskFormat::kBlktrace),
                                     {request.fio, DiskFormat::kFio},
                                     {request.disksim, DiskFormat::kDiskSim}})
    if (!path.empty()) write_file(path, disk_trace_text(format, served).take(), complaint);
}

void show(const TraceRequest& request, const MountControl& control, Complaint& complaint) {
  const Json events = control.json("trace");
  if (complaint.made()) return;
  TracedRequests traced;
  for (const Json& event : events) traced.add(event);
  tell_of_lost(traced);
  if (traced.empty() && request.command.empty() && control.chosen("trace_on") == "off")
    return complaint.make(
        "nothing is traced: switch it on (--on), or give a command to trace after --");
  traced.keep_only(request.filter);
  if (traced.empty()) fmt::print(stderr, "No request is as asked for.\n");
  if (!request.chrome.empty()) write_file(request.chrome, chrome_json(traced), complaint);
  const bool is_whole = request.filter.is_empty();
  export_blocks(request, control,
                is_whole ? std::vector<Json>(events.begin(), events.end()) : traced.events(),
                complaint);
  if (!request.goes_to_files() || request.json) fmt::print("{}", shown_text(traced, request.json));
}

int run(const TraceRequest& request) {
  Complaint complaint;
  int status = 0;
  const MountControl control(request.mount, complaint);
  if (!complaint.made() && request.size != 0 && request.command.empty())
    control.write("trace_size", std::to_string(request.size));
  if (!complaint.made() && (request.on || request.off))
    control.write("trace_on", request.on ? "on" : "off");
  const bool switches = request.on || request.off || request.size != 0;
  if (complaint.made()) {
  } else if (request.follow) {
    follow(request, control, complaint);
  } else if (!request.command.empty()) {
    status = run_traced(request, control, complaint);
    if (!complaint.made()) show(request, control, complaint);
  } else if (!switches) {
    show(request, control, complaint);
  }
  if (!complaint.made()) return status;
  fail("trace", complaint.what());
  return status != 0 ? status : 1;
}

}  // namespace

void add_trace_command(const Command& program, int& status) {
  auto request = std::make_shared<TraceRequest>();
  const Command command = program.subcommand(
      "trace",
      "Show what happened under each request of a mount, from the call to the arm.\n"
      "With a COMMAND after --, trace its requests; otherwise show the events that were kept.");
  command.option("MOUNT", request->mount, "where the volume is mounted").required();
  const Option traced =
      command.option("COMMAND", request->command, "after --: traced from its start to its end");
  command
      .option("--op", request->filter.operations, "only these operations: read, write, lookup ...")
      .one_of(request_names())
      .comma_separated()
      .type_name("NAME,...");
  command.option("--path", request->filter.path, "only paths that match, relative to the mount")
      .type_name("GLOB");
  command.option("--pid", request->filter.process, "only requests of this process");
  command.flag("--json", request->json, "print the events as JSON lines");
  const Option files[] = {
      command.option("--chrome", request->chrome, "write Chrome trace events, for ui.perfetto.dev")
          .type_name("FILE"),
      command
          .option("--blktrace", request->blktrace,
                  "write the disk's requests to NAME.blktrace.0, for blkparse, btt and iowatcher")
          .type_name("NAME"),
      command.option("--fio", request->fio, "write the disk's requests as an iolog of fio")
          .type_name("FILE"),
      command
          .option("--disksim", request->disksim,
                  "write the disk's requests in DiskSim's ASCII format")
          .type_name("FILE")};
  Option follow = command.flag("-f,--follow", request->follow,
                               "print events as they happen, until interrupted");
  follow.excludes(traced);
  for (const Option& file : files) follow.excludes(file);
  const Option on = command.flag("--on", request->on, "switch the trace on and leave it on");
  command.flag("--off", request->off, "switch the trace off").excludes(on).excludes(follow);
  command.option("--size", request->size, "how many events to keep").range(1, 1 << 20);
  command.callback([request, &status] {
    request->filter.not_process = static_cast<std::uint64_t>(::getpid());
    status = run(*request);
  });
}

}  // namespace spindle::cli
