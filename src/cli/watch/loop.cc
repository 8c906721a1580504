#include "cli/watch/loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "spindle/base/clock.h"

namespace spindle::cli {
namespace {

constexpr std::int64_t kPatienceNs = 2'000 * kNsPerMs;
constexpr std::array<double, 11> kIntervalsSeconds = {0.1, 0.2, 0.5, 1,   2,   5,
                                                      10,  30,  60,  600, 3600};

struct SettingKey {
  char key;
  const char* setting;
};
constexpr SettingKey kSettings[] = {
    {'a', "disk/scheduler"}, {'c', "cache/policy"}, {'d', "disk/model"}, {'f', "volume/fit"}};

}  // namespace

WatchLoop::WatchLoop(Terminal& terminal, std::string mount, double interval_s)
    : terminal_(terminal), reader_(mount) {
  screen_.mount = std::move(mount);
  screen_.interval_s = interval_s;
  screen_.message = "Asking the mount ...";
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&ending, signal);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
  signals_ = ::signalfd(-1, &ending, SFD_NONBLOCK | SFD_CLOEXEC);
}

WatchLoop::~WatchLoop() {
  if (signals_ >= 0) ::close(signals_);
}

int WatchLoop::run(Complaint& complaint) {
  while (!quits_ && signal_ == 0 && !complaint.made()) {
    ask_when_due();
    if (changed_) draw();
    wait();
    take_signal();
    take_keys();
    take_answers(complaint);
  }
  return signal_;
}

void WatchLoop::ask_when_due() {
  const std::int64_t now_ns = monotonic_ns();
  if (asked_ns_ != 0) {
    if (now_ns - asked_ns_ < kPatienceNs) return;
    screen_.message =
        fmt::format("The mount has not answered for {} s.", (now_ns - asked_ns_) / 1'000'000'000);
    changed_ = true;
    return;
  }
  if (now_ns < due_ns_ || (screen_.is_paused && due_ns_ != 0)) return;
  asked_ns_ = now_ns;
  due_ns_ = now_ns + static_cast<std::int64_t>(screen_.interval_s * 1e9);
  reader_.ask({WatchReader::Kind::kActivity});
}

int WatchLoop::wait_ms() const {
  if (asked_ns_ != 0) return 1000;
  if (screen_.is_paused) return -1;
  return static_cast<int>(std::max<std::int64_t>(0, due_ns_ - monotonic_ns()) / kNsPerMs) + 1;
}

void WatchLoop::wait() {
  pollfd watched[] = {
      {STDIN_FILENO, POLLIN, 0}, {reader_.descriptor(), POLLIN, 0}, {signals_, POLLIN, 0}};
  // A change of the window's size interrupts poll, and comes as a key.
  if (::poll(watched, std::size(watched), wait_ms()) < 0) return;
  if ((watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) quits_ = true;
}

void WatchLoop::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_, &info, sizeof info) == sizeof info)
    signal_ = static_cast<int>(info.ssi_signo);
}

void WatchLoop::take_keys() {
  for (KeyPress one = terminal_.key(); one.key != Key::kNone && !quits_; one = terminal_.key()) {
    changed_ = true;
    if (one.key != Key::kResized) press(one);
  }
}

void WatchLoop::press(const KeyPress& press) {
  if (asked_ns_ == 0 || figures_) screen_.message.clear();
  if (screen_.shows_help) {
    screen_.shows_help = false;
    return;
  }
  if (screen_.menu) return press_in_menu(press);
  switch (press.key) {
    case Key::kEnter:
      screen_.is_alone = !screen_.is_alone;
      break;
    case Key::kEscape:
      screen_.is_alone = false;
      break;
    case Key::kNext:
      choose_panel(1);
      break;
    case Key::kPrevious:
      choose_panel(kPanels - 1);
      break;
    case Key::kCharacter:
      press_letter(press.character);
      break;
    case Key::kNone:
    case Key::kResized:
      break;
  }
}

void WatchLoop::press_in_menu(const KeyPress& press) {
  WatchMenu& menu = *screen_.menu;
  const std::size_t count = menu.choices.size();
  const bool is_down = press.key == Key::kNext || press.character == 'j';
  const bool is_up = press.key == Key::kPrevious || press.character == 'k';
  if (is_down) {
    menu.chosen = (menu.chosen + 1) % count;
  } else if (is_up) {
    menu.chosen = (menu.chosen + count - 1) % count;
  } else {
    if (press.key == Key::kEnter)
      reader_.ask({WatchReader::Kind::kSet, menu.setting, menu.choices[menu.chosen]});
    screen_.menu.reset();
  }
}

void WatchLoop::press_letter(char letter) {
  switch (letter) {
    case 'q':
      quits_ = true;
      return;
    case '?':
    case 'h':
      screen_.shows_help = true;
      return;
    case 'p':
      screen_.is_paused = !screen_.is_paused;
      due_ns_ = screen_.is_paused ? due_ns_ : monotonic_ns();
      return;
    case ' ':
      if (asked_ns_ != 0) return;
      asked_ns_ = monotonic_ns();
      reader_.ask({WatchReader::Kind::kActivity});
      return;
    case '+':
    case '-':
      return change_interval(letter == '+');
    default:
      break;
  }
  for (const auto& [key, setting] : kSettings)
    if (letter == key) return reader_.ask({WatchReader::Kind::kChoices, setting, {}});
  if (letter != 0) screen_.message = "This key has no meaning; ? lists the keys.";
}

void WatchLoop::change_interval(bool longer) {
  const double now = screen_.interval_s;
  if (longer) {
    const auto next = std::ranges::upper_bound(kIntervalsSeconds, now);
    if (next != kIntervalsSeconds.end()) screen_.interval_s = *next;
  } else {
    const auto here = std::ranges::lower_bound(kIntervalsSeconds, now);
    if (here != kIntervalsSeconds.begin()) screen_.interval_s = *(here - 1);
  }
  due_ns_ = std::min(due_ns_, monotonic_ns() + static_cast<std::int64_t>(screen_.interval_s * 1e9));
}

void WatchLoop::choose_panel(int step) {
  screen_.panel = static_cast<Panel>((static_cast<int>(screen_.panel) + step) % kPanels);
}

void WatchLoop::take_answers(Complaint& complaint) {
  while (const auto answer = reader_.answer()) {
    changed_ = true;
    if (answer->question.kind == WatchReader::Kind::kActivity)
      take_activity(*answer, complaint);
    else if (!answer->complaint.empty())
      screen_.message = answer->complaint;
    else if (answer->question.kind == WatchReader::Kind::kChoices)
      open_menu(*answer);
    else
      screen_.message =
          fmt::format("{} is {} now.", answer->question.setting, answer->question.value);
  }
}

void WatchLoop::take_activity(const WatchReader::Answer& answer, Complaint& complaint) {
  if (monotonic_ns() - asked_ns_ >= kPatienceNs || !figures_) screen_.message.clear();
  asked_ns_ = 0;
  auto now = parse_activity(answer.text);
  if (!answer.complaint.empty() || !now)
    return complaint.make(screen_.mount + ": the volume is no longer mounted there");
  figures_ = before_ ? figures_between(*before_, *now) : figures_in_all(*now);
  if (before_) screen_.history.add(*figures_);
  screen_.figures = &*figures_;
  before_ = std::move(now);
}

void WatchLoop::open_menu(const WatchReader::Answer& answer) {
  WatchMenu menu;
  menu.setting = answer.question.setting;
  std::istringstream words(answer.text);
  for (std::string word; words >> word;) {
    if (word.front() == '[') {
      word = word.substr(1, word.size() - 2);
      menu.present = word;
      menu.chosen = menu.choices.size();
    }
    menu.choices.push_back(word);
  }
  if (!menu.choices.empty()) screen_.menu = std::move(menu);
}

void WatchLoop::draw() {
  Canvas canvas = terminal_.canvas();
  draw_screen(canvas, screen_);
  terminal_.show(canvas);
  changed_ = false;
}

}  // namespace spindle::cli
