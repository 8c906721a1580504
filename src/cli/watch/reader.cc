#include "cli/watch/reader.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "cli/mount/mount_control.h"

namespace spindle::cli {

struct WatchReader::State {
  std::mutex mutex;
  std::condition_variable asked;
  std::deque<Question> questions;
  std::deque<Answer> answers;
  bool ends = false;
  int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

  ~State() { ::close(event); }
};

namespace {

WatchReader::Answer answer_to(const WatchReader::Question& question, const std::string& mount) {
  Complaint complaint;
  const MountControl control(mount, complaint);
  WatchReader::Answer answer{question, {}, {}};
  if (!complaint.made()) {
    switch (question.kind) {
      case WatchReader::Kind::kActivity:
        answer.text = control.text("activity.json");
        break;
      case WatchReader::Kind::kChoices:
        answer.text = control.value(question.setting);
        break;
      case WatchReader::Kind::kSet:
        control.write(question.setting, question.value);
        break;
    }
  }
  answer.complaint = complaint.what();
  return answer;
}

}  // namespace

WatchReader::WatchReader(std::string mount) : state_(std::make_shared<State>()) {
  // Signals are to reach the thread that has the terminal.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  std::thread([state = state_, mount = std::move(mount)] {
    std::unique_lock lock(state->mutex);
    for (;;) {
      state->asked.wait(lock, [&] { return state->ends || !state->questions.empty(); });
      if (state->ends) return;
      const Question question = std::move(state->questions.front());
      state->questions.pop_front();
      lock.unlock();
      Answer answer = answer_to(question, mount);
      lock.lock();
      state->answers.push_back(std::move(answer));
      ::eventfd_write(state->event, 1);
    }
  }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WatchReader::~WatchReader() {
  const std::scoped_lock lock(state_->mutex);
  state_->ends = true;
  state_->asked.notify_one();
}

void WatchReader::ask(Question question) {
  const std::scoped_lock lock(state_->mutex);
  state_->questions.push_back(std::move(question));
  state_->asked.notify_one();
}

int WatchReader::descriptor() const {
  return state_->event;
}

std::optional<WatchReader::Answer> WatchReader::answer() {
  const std::scoped_lock lock(state_->mutex);
  eventfd_t count = 0;
  ::eventfd_read(state_->event, &count);
  if (state_->answers.empty()) return std::nullopt;
  Answer answer = std::move(state_->answers.front());
  state_->answers.pop_front();
  return answer;
}

}  // namespace spindle::cli
