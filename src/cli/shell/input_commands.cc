// The shell's own commands that take words apart: read, getopts.

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include "cli/shell/shell.h"
#include "spindle/base/number_text.h"

namespace spindle::cli {
namespace {

struct ReadOptions {
  bool is_raw = false;
  std::string prompt;
  char end = '\n';
  int most = -1;        ///< how many characters are read; below 0: all of the line
  int timeout_ms = -1;  ///< below 0: none
  int descriptor = STDIN_FILENO;
  std::size_t names = 0;  ///< where the names of variables begin
};

Result<> take_read_option(char letter, const std::string& value, ReadOptions& options) {
  const auto number = number_in(value);
  switch (letter) {
    case 'p':
      options.prompt = value;
      return {};
    case 'd':
      options.end = value.empty() ? '\0' : value[0];
      return {};
    case 'n':
      if (number.value_or(-1) < 0) return Error{EINVAL, "-n takes a number"};
      options.most = *number;
      return {};
    case 'u':
      if (number.value_or(-1) < 0 || *number > Redirection::kMostDescriptor)
        return Error{EINVAL, "-u takes a descriptor from 0 to 9"};
      options.descriptor = *number;
      return {};
    case 't': {
      char* stop = nullptr;
      const double seconds = std::strtod(value.c_str(), &stop);
      if (value.empty() || *stop != '\0' || !(seconds >= 0 && seconds <= 1e6))
        return Error{EINVAL, "-t takes a number of seconds"};
      options.timeout_ms = static_cast<int>(seconds * 1000);
      return {};
    }
    default:
      return Error{EINVAL, "the options are -r, -p, -d, -n, -t and -u"};
  }
}

Result<ReadOptions> read_options(const std::vector<std::string>& arguments) {
  ReadOptions options;
  std::size_t& i = options.names;
  for (; i < arguments.size() && arguments[i].size() > 1 && arguments[i][0] == '-'; ++i) {
    if (arguments[i] == "--") {
      ++i;
      break;
    }
    std::string_view letters = std::string_view(arguments[i]).substr(1);
    for (; letters.starts_with('r'); letters.remove_prefix(1)) options.is_raw = true;
    if (letters.empty()) continue;
    std::string value(letters.substr(1));
    if (value.empty()) {
      if (i + 1 == arguments.size()) return Error{EINVAL, "an option lacks its value"};
      value = arguments[++i];
    }
    TRY(take_read_option(letters[0], value, options));
  }
  return options;
}

/// Reads one line; what follows it is left for the next reader.
class LineReader {
 public:
  explicit LineReader(const ReadOptions& options)
      : options_(options), until_(Clock::now() + std::chrono::milliseconds(options.timeout_ms)) {}

  /// False if the input ended before the line did.
  bool read() {
    for (char c = 0; options_.most < 0 || line_.size() < static_cast<std::size_t>(options_.most);) {
      if (!take(c)) return false;
      if (c == '\\' && !options_.is_raw) {
        if (!take(c)) return false;
        if (c != '\n') add(c, true);
      } else if (c == options_.end) {
        return true;
      } else {
        add(c, false);
      }
    }
    return true;
  }
  [[nodiscard]] const std::string& line() const { return line_; }
  /// Whether the character was written with a backslash.
  [[nodiscard]] bool is_escaped(std::size_t place) const { return escaped_[place]; }
  [[nodiscard]] bool is_late() const { return is_late_; }

 private:
  using Clock = std::chrono::steady_clock;

  void add(char c, bool is_escaped) {
    line_ += c;
    escaped_.push_back(is_escaped);
  }
  bool take(char& c) {
    if (options_.timeout_ms >= 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now());
      pollfd input{.fd = options_.descriptor, .events = POLLIN, .revents = 0};
      is_late_ = ::poll(&input, 1, std::max(0, static_cast<int>(left.count()))) == 0;
      if (is_late_) return false;
    }
    return ::read(options_.descriptor, &c, 1) == 1;
  }

  const ReadOptions& options_;
  Clock::time_point until_;
  std::string line_;
  std::vector<bool> escaped_;
  bool is_late_ = false;
};

/// The line's words, the last with all that is left.
std::vector<std::string> words_of(const LineReader& reader, std::size_t count,
                                  std::string_view separators) {
  const std::string& line = reader.line();
  const auto parts = [&](std::size_t at) {
    return separators.find(line[at]) != separators.npos && !reader.is_escaped(at);
  };
  const auto is_blank = [&](std::size_t at) {
    return parts(at) && (line[at] == ' ' || line[at] == '\t' || line[at] == '\n');
  };
  std::vector<std::string> words;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    while (at < line.size() && is_blank(at)) ++at;
    std::size_t end = at;
    if (i + 1 == count) {
      end = line.size();
      while (end > at && is_blank(end - 1)) --end;
    } else {
      while (end < line.size() && !parts(end)) ++end;
    }
    words.push_back(line.substr(at, end - at));
    at = end;
    while (at < line.size() && is_blank(at)) ++at;
    // A separator that is not a blank parts two words together with the blanks around it.
    if (at < line.size() && parts(at)) ++at;
  }
  return words;
}

}  // namespace

int Shell::do_read(const Arguments& arguments) {
  const auto options = read_options(arguments);
  if (!options.ok()) return say_error(fmt::format("read: {}", options.error().what), 2);
  const Arguments names(arguments.begin() + static_cast<std::ptrdiff_t>(options->names),
                        arguments.end());
  if (names.empty()) return say_error("read: into which variable?", 2);
  if (!options->prompt.empty() && ::isatty(options->descriptor) != 0)
    (void)!::write(STDERR_FILENO, options->prompt.data(), options->prompt.size());
  LineReader reader(*options);
  const bool has_end = reader.read();
  const auto words = words_of(reader, names.size(), variable("IFS").value_or(" \t\n"));
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto set = set_variable(names[i], words[i]); !set.ok())
      return say_error(set.error(), names[i]);
  constexpr int kLate = 142;  // as if ALRM had ended it
  return has_end ? 0 : reader.is_late() ? kLate : 1;
}

namespace {

/// The answer of getopts: the option, and $OPTARG if it is to be set.
struct FoundOption {
  char option = '?';
  std::optional<std::string> value = {};
  std::string complaint = {};  // empty: none
  bool is_none = false;        // there are no more options
};

/// What a letter is by a text of options such as "ab:".
enum class OptionKind { kUnknown, kFlag, kTakesValue };
OptionKind option_kind(const std::string& known, char letter) {
  const std::size_t at = letter == ':' ? known.npos : known.find(letter);
  if (at == known.npos) return OptionKind::kUnknown;
  return at + 1 < known.size() && known[at + 1] == ':' ? OptionKind::kTakesValue
                                                       : OptionKind::kFlag;
}

/// Finds options in `words`; `known` is the text that tells which there are. If it begins with ':',
/// the caller complains by itself, and $OPTARG is the option that something is wrong with.
class OptionReader {
 public:
  /// `word` is the place of the next word, from 1 on, and `letter` that of the next letter in it.
  OptionReader(const std::string& known, const std::vector<std::string>& words, int& word,
               std::size_t& letter)
      : known_(known), words_(words), word_(word), letter_(letter) {}

  FoundOption next() {
    if (!has_word() || word()[0] != '-' || word().size() < 2) return end();
    if (word() == "--") {
      ++word_;
      return end();
    }
    letter_ = std::max<std::size_t>(letter_, 1);
    const char option = word()[std::min(letter_++, word().size() - 1)];
    const OptionKind kind = option_kind(known_, option);
    if (kind == OptionKind::kTakesValue) return with_value(option);
    if (letter_ >= word().size()) next_word();
    if (kind == OptionKind::kFlag) return {.option = option};
    return refused(option, '?', fmt::format("getopts: there is no option -{}", option));
  }

 private:
  [[nodiscard]] bool has_word() const { return static_cast<std::size_t>(word_) <= words_.size(); }
  [[nodiscard]] const std::string& word() const {
    return words_[static_cast<std::size_t>(word_) - 1];
  }
  void next_word() {
    ++word_;
    letter_ = 0;
  }
  FoundOption end() {
    letter_ = 0;
    return {.is_none = true};
  }

  /// The value is the rest of the word, or the word that follows.
  FoundOption with_value(char option) {
    const std::string rest = word().substr(std::min(letter_, word().size()));
    next_word();
    if (!rest.empty()) return {.option = option, .value = rest};
    if (!has_word())
      return refused(option, ':', fmt::format("getopts: -{} lacks its value", option));
    const std::string& value = word();
    next_word();
    return {.option = option, .value = value};
  }

  [[nodiscard]] FoundOption refused(char option, char if_silent, std::string complaint) const {
    if (known_.starts_with(':')) return {.option = if_silent, .value = std::string(1, option)};
    return {.complaint = std::move(complaint)};
  }

  const std::string& known_;
  const std::vector<std::string>& words_;
  int& word_;
  std::size_t& letter_;
};

}  // namespace

// Finds the next option in the words, or in $1, $2...; $OPTIND is the word to look at.
int Shell::do_getopts(const Arguments& arguments) {
  if (arguments.size() < 2) return say_error("getopts: which options, into which variable?", 2);
  const Arguments words =
      arguments.size() > 2 ? Arguments(arguments.begin() + 2, arguments.end()) : arguments_;
  int word = std::max(1, number_in(variable("OPTIND").value_or("1")).value_or(1));
  if (word == 1 && option_word_ != 1) option_place_ = 0;
  (void)variables_.unset("OPTARG");
  const FoundOption found = OptionReader(arguments[0], words, word, option_place_).next();
  if (found.value) (void)set_variable("OPTARG", *found.value);
  if (!found.complaint.empty()) say_error(found.complaint);
  (void)set_variable(arguments[1], std::string(1, found.option));
  (void)set_variable("OPTIND", std::to_string(word));
  option_word_ = word;
  return found.is_none ? 1 : 0;
}

}  // namespace spindle::cli
