// machine/terminal: each opening gets a terminal of the machine.

#include <fmt/format.h>

#include <set>

#include "control/later_look.h"
#include "control/machine_folder.h"

namespace spindle::control {
namespace {

using TakenNumbers = std::set<int>;

/// What programs write there, behind a first line with the terminal's number.
class TerminalFile : public std::enable_shared_from_this<TerminalFile> {
 public:
  TerminalFile(MachineAccess machine, std::shared_ptr<TakenNumbers> taken)
      : machine_(machine), taken_(std::move(taken)) {}
  ~TerminalFile() { taken_->erase(number_); }
  TerminalFile(const TerminalFile&) = delete;
  TerminalFile& operator=(const TerminalFile&) = delete;

  Result<std::string> take(std::size_t size) {
    TRY(attach());
    if (pending_.empty()) {
      pending_ = TRY(machine_.with(
          [this](Machine& m) -> Result<std::string> { return m.take_output(number_); }));
    }
    if (pending_.empty()) later.ask(shared_from_this());
    std::string part = pending_.substr(0, size);
    pending_.erase(0, part.size());
    return part;
  }

  /// EOT at the end of the text is the end of the input, until more is typed. CAN alone forgets
  /// what was typed and not read, and the end.
  Result<std::size_t> type(std::string_view text) {
    TRY(attach());
    constexpr char kEndOfTransmission = '\4';
    constexpr std::string_view kCancel = "\x18";
    if (text == kCancel) return forget_typed();
    const bool at_end = text.ends_with(kEndOfTransmission);
    if (at_end) text.remove_suffix(1);
    const std::size_t typed = TRY(machine_.with(
        [&](Machine& m) -> Result<std::size_t> { return m.type(number_, text, at_end); }));
    if (typed == 0 && !text.empty())
      return Error{EAGAIN, "the input that was typed before has not been read yet"};
    return typed + (at_end && typed == text.size() ? 1 : 0);
  }

  LaterLook later{"machine terminal"};

 private:
  Result<std::size_t> forget_typed() {
    pending_ += TRY(machine_.with([this](Machine& m) -> Result<std::string> {
      std::string written = m.take_output(number_);
      m.clear_terminal(number_);
      return written;
    }));
    return 1;
  }

  Result<> attach() {
    if (number_ >= 0) return {};
    int number = 0;
    while (taken_->contains(number)) ++number;
    taken_->insert(number);
    number_ = number;
    pending_ = fmt::format("{}\n", number);
    return machine_.with([&](Machine& m) -> Result<> {
      m.clear_terminal(number);
      return {};
    });
  }

  MachineAccess machine_;
  std::shared_ptr<TakenNumbers> taken_;
  int number_ = -1;
  std::string pending_;
};

}  // namespace

void add_machine_terminal(ControlTree& tree, MachineAccess machine) {
  const auto taken = std::make_shared<TakenNumbers>();
  tree.add_file("machine/terminal", [machine, taken] {
    const auto terminal = std::make_shared<TerminalFile>(machine, taken);
    ControlFile file;
    file.stream.take = [terminal](std::size_t size) { return terminal->take(size); };
    file.stream.arrivals = &terminal->later.arrivals;
    file.is_for_everyone = true;
    file.input = [terminal](std::string_view text) { return terminal->type(text); };
    return file;
  });
}

}  // namespace spindle::control
