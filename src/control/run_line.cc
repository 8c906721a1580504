#include "control/run_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "spindle/base/number_text.h"
#include "spindle/base/shell_words.h"

namespace spindle::control {
namespace {

Result<int> option_number(std::string_view text) {
  const auto number = number_in(text);
  if (!number) return Error{EINVAL, "the option's value is not a number"};
  return *number;
}

class Parser {
 public:
  Parser(std::string_view line, std::uint64_t& pipes) : words_(line), pipes_(pipes) {}

  Result<RunLine> parse() {
    TRY(advance());
    while (word_ && !word_->is_operator && word_->text.starts_with('-')) TRY(take_option());
    for (; word_ && word_->is_assignment; TRY(advance()))
      common_.environment.push_back(word_->text);
    TRY(take_program());
    while (word_) TRY(take_next_program());
    write_to("");
    return std::move(out_);
  }

 private:
  Result<> advance() {
    word_ = TRY(words_.next());
    return {};
  }

  /// The word behind an option or a redirection.
  Result<std::string> take_value() {
    TRY(advance());
    if (!word_ || word_->is_operator) return Error{EINVAL, "a word is missing at the end"};
    std::string value = std::move(word_->text);
    TRY(advance());
    return value;
  }

  Result<> take_option() {
    const std::string option = word_->text;
    const std::string value = TRY(take_value());
    if (option == "-n") {
      common_.nice = TRY(option_number(value));
    } else if (option == "-d") {
      common_.directory = value;
    } else if (option == "-t") {
      common_.terminal = TRY(option_number(value));
    } else if (option == "-e") {
      error_terminal_ = fmt::format("tty:{}", TRY(option_number(value)));
    } else if (option == "-m") {
      common_.umask = TRY(file_mask_of(value));
    } else if (option == "-l") {
      const std::size_t split = value.find('=');
      if (split == value.npos) return Error{EINVAL, "a limit is NAME=VALUE"};
      out_.limits.emplace_back(value.substr(0, split), TRY(limit_of(value.substr(split + 1))));
    } else {
      return Error{EINVAL,
                   "the options are -n NICE, -d DIRECTORY, -t TERMINAL, -e TERMINAL, -m MASK, -l "
                   "NAME=VALUE"};
    }
    return {};
  }

  Result<> take_program() {
    StartRequest program = common_;
    program.descriptors = {input_pipe_, std::string(kToNext), error_terminal_};
    while (word_ && word_->text != "|") {
      if (word_->is_operator) {
        TRY(take_redirection(program));
      } else {
        program.arguments.push_back(std::move(word_->text));
        TRY(advance());
      }
    }
    if (program.arguments.empty()) return Error{EINVAL, "no program is named"};
    program.path = program.arguments.front();
    program.arguments.erase(program.arguments.begin());
    out_.programs.push_back(std::move(program));
    return {};
  }

  /// Behind a pipe.
  Result<> take_next_program() {
    input_pipe_ = fmt::format("pipe:run {}", ++pipes_);
    write_to(input_pipe_);
    TRY(advance());
    return take_program();
  }

  /// Sets the target of what the last program has not redirected.
  void write_to(const std::string& target) {
    std::ranges::replace(out_.programs.back().descriptors, std::string(kToNext), target);
  }

  Result<> take_redirection(StartRequest& program) {
    const std::string sign = word_->text;
    auto& descriptors = program.descriptors;
    if (sign == "2>&1" || sign == "1>&2") {
      const bool is_error = sign.starts_with('2');
      descriptors[is_error ? 2 : 1] = descriptors[is_error ? 1 : 2];
      return advance();
    }
    const bool is_error = sign.starts_with('2');
    if (!is_error && !sign.starts_with('<') && !sign.starts_with('>'))
      return Error{EINVAL, "the only shell operators are <, >, >>, 2>, 2>>, 2>&1, 1>&2 and |"};
    std::string path = TRY(take_value());
    if (!path.starts_with('/')) path = fmt::format("{}/{}", program.directory, path);
    if (sign.ends_with(">>")) path = fmt::format(">>{}", path);
    descriptors[sign == "<" ? 0 : is_error ? 2 : 1] = path;
    return {};
  }

  static constexpr std::string_view kToNext = "|";  ///< the next program, if there is one

  ShellWords words_;
  std::uint64_t& pipes_;
  std::optional<ShellWord> word_;
  StartRequest common_;
  std::string input_pipe_;
  std::string error_terminal_;
  RunLine out_;
};

}  // namespace

Result<std::uint32_t> file_mask_of(std::string_view text) {
  const auto mask = number_in<std::uint32_t>(text, 8);
  if (!mask || *mask > 0777) return Error{EINVAL, "a mask is an octal number up to 777"};
  return *mask;
}

Result<std::uint64_t> limit_of(std::string_view text) {
  if (text == "unlimited") return kUnlimited;
  const auto value = number_in<std::uint64_t>(text);
  if (!value) return Error{EINVAL, "the limit is neither a number nor unlimited"};
  return *value;
}

Result<RunLine> parse_run_line(std::string_view line, std::uint64_t& pipes) {
  return Parser(line, pipes).parse();
}

}  // namespace spindle::control
