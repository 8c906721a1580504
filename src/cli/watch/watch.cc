// `spindle watch`: shows what a mount is doing, while it does it.

#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

#include "cli/commands.h"
#include "cli/mount/mount_control.h"
#include "cli/watch/loop.h"
#include "spindle/base/clock.h"
#include "spindle/base/json_text.h"
#include "spindle/chart/text_style.h"
#include "spindle/command_line/command_line.h"

namespace spindle::cli {
namespace {

struct WatchRequest {
  std::string mount;
  double interval_s = 1;
  std::uint64_t count = 0;
  bool once = false;
  bool json = false;
};

std::optional<Activity> activity_of(const MountControl& control, Complaint& complaint) {
  const std::string text = control.text("activity.json");
  auto activity = complaint.made() ? std::nullopt : parse_activity(text);
  if (!activity) complaint.make(control.directory() + ": activity.json has an unexpected form");
  return activity;
}

void print_line(const Figures& figures, Complaint& complaint) {
  fmt::print("{}\n", json_text(figures_json(figures), kOneLine));
  if (std::fflush(stdout) != 0)
    complaint.make(fmt::format("standard output cannot be written ({})", std::strerror(errno)));
}

/// A canvas of the terminal's size; for a file, of a size that suits it.
Canvas canvas_of_output() {
  constexpr int kHeightOfFiles = 40;
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  winsize size{};
  const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
  return {static_cast<int>(style.width), is_known ? size.ws_row - 1 : kHeightOfFiles, style.utf8};
}

void show_once(const WatchRequest& request, const MountControl& control, Complaint& complaint) {
  const auto activity = activity_of(control, complaint);
  if (complaint.made()) return;
  const Figures figures = figures_in_all(*activity);
  if (request.json) return print_line(figures, complaint);
  WatchScreen screen;
  screen.mount = request.mount;
  screen.figures = &figures;
  screen.has_keys = false;
  Canvas canvas = canvas_of_output();
  draw_screen(canvas, screen);
  const bool coloured = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  fmt::print("{}", canvas.text(coloured));
}

/// Sleeps until that moment of the clock of `monotonic_ns`.
void sleep_until(std::int64_t then_ns) {
  const timespec then{.tv_sec = then_ns / 1'000'000'000, .tv_nsec = then_ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, nullptr) == EINTR) {
  }
}

void print_lines(const WatchRequest& request, const MountControl& control, Complaint& complaint) {
  auto before = activity_of(control, complaint);
  const std::int64_t began_ns = monotonic_ns();
  for (std::uint64_t line = 1; !complaint.made(); ++line) {
    const double after_s = static_cast<double>(line) * request.interval_s;
    sleep_until(began_ns + static_cast<std::int64_t>(after_s * 1e9));
    Complaint lost;
    const MountControl still(request.mount, lost);
    auto now = lost.made() ? std::nullopt : activity_of(still, lost);
    if (!now) return complaint.make(request.mount + ": the volume is no longer mounted there");
    print_line(figures_between(*before, *now), complaint);
    before = std::move(now);
    if (line == request.count) return;
  }
}

/// Ends this process by the signal, so that its parent knows.
void end_by(int signal) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

void watch_at_terminal(const WatchRequest& request, Complaint& complaint) {
  auto terminal = Terminal::open(complaint);
  if (complaint.made()) return;
  const int signal = WatchLoop(*terminal, request.mount, request.interval_s).run(complaint);
  terminal.reset();
  if (signal != 0) end_by(signal);
}

int run(const WatchRequest& request) {
  Complaint complaint;
  const MountControl control(request.mount, complaint);
  if (complaint.made()) {
  } else if (request.once) {
    show_once(request, control, complaint);
  } else if (request.json) {
    print_lines(request, control, complaint);
  } else {
    watch_at_terminal(request, complaint);
  }
  if (!complaint.made()) return 0;
  return fail("watch", complaint.what());
}

}  // namespace

void add_watch_command(const Command& program, int& status) {
  auto request = std::make_shared<WatchRequest>();
  const Command command = program.subcommand(
      "watch",
      "Watch a mount at work: its arm and the waiting requests, its blocks as they are written,\n"
      "its cache, its busiest files, and how long requests take. Press ? for a list of the keys.");
  command.option("MOUNT", request->mount, "where the volume is mounted").required();
  command.option("-i,--interval", request->interval_s, "seconds between two updates")
      .range(kShortestIntervalSeconds, kLongestIntervalSeconds)
      .type_name("SECONDS");
  command.flag("--once", request->once,
               "show once what happened since the counters were reset, and exit");
  const Option json = command.flag("--json", request->json,
                                   "print a line of JSON for each interval; with --once, one line");
  command.option("-n,--count", request->count, "exit after this many lines")
      .positive()
      .type_name("LINES")
      .needs(json);
  command.callback([request, &status] { status = run(*request); });
}

}  // namespace spindle::cli
