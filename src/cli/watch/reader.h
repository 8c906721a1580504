// WatchReader: reads and sets the control files of a mount on a kernel thread of its own, so that a
// mount that does not answer stops nobody at a keyboard.
//
//   WatchReader reader("m");
//   reader.ask({WatchReader::Kind::kActivity});
//   poll(reader.descriptor()) ...
//   while (auto answer = reader.answer()) ...
//
// Answers come in the order of the questions. Each file is opened anew, so that nothing prevents
// unmounting. The destructor waits for nothing: a question under way ends with the process.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace spindle::cli {

class WatchReader {
 public:
  enum class Kind : unsigned char { kActivity, kChoices, kSet };
  struct Question {
    Kind kind = Kind::kActivity;
    std::string setting = {};  ///< the control file that kChoices and kSet are about
    std::string value = {};    ///< what kSet sets it to
  };
  struct Answer {
    Question question;
    std::string text;       ///< what the file says
    std::string complaint;  ///< empty: all went well
  };

  explicit WatchReader(std::string mount);
  ~WatchReader();
  WatchReader(const WatchReader&) = delete;
  WatchReader& operator=(const WatchReader&) = delete;

  void ask(Question question);
  /// A descriptor that can be read when there is an answer.
  [[nodiscard]] int descriptor() const;
  std::optional<Answer> answer();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spindle::cli
