#include "cli/shell/test_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include "spindle/base/number_text.h"

namespace spindle::cli {
namespace {

constexpr int kDeepestTest = 100;

class TestEvaluator {
 public:
  TestEvaluator(const std::vector<std::string>& words, const OutsidePath& outside)
      : words_(words), outside_(outside) {}

  Result<bool> whole() {
    if (words_.empty()) return false;
    const bool answer = TRY(either());
    if (at_ != words_.size())
      return Error{EINVAL, "there is a word too many, or an operator is missing"};
    return answer;
  }

 private:
  [[nodiscard]] std::size_t left() const { return words_.size() - at_; }
  [[nodiscard]] bool is_next(std::string_view word) const {
    return left() != 0 && words_[at_] == word;
  }
  bool take(std::string_view word) {
    const bool is_there = is_next(word);
    at_ += is_there ? 1 : 0;
    return is_there;
  }

  Result<bool> either() {
    bool answer = TRY(both());
    while (take("-o")) answer = TRY(both()) || answer;
    return answer;
  }

  Result<bool> both() {
    bool answer = TRY(single());
    while (take("-a")) answer = TRY(single()) && answer;
    return answer;
  }

  Result<bool> single() {
    if (++depth_ > kDeepestTest) return Error{EINVAL, "it is nested too deeply"};
    const Result<bool> answer = single_here();
    --depth_;
    return answer;
  }

  Result<bool> single_here() {
    if (left() == 0) return Error{EINVAL, "a word is missing at the end"};
    if (left() >= 3 && is_binary(words_[at_ + 1])) return binary();
    if (left() >= 2 && take("!")) return !TRY(single());
    if (left() >= 2 && take("(")) {
      const bool answer = TRY(either());
      if (!take(")")) return Error{EINVAL, "a ( lacks its )"};
      return answer;
    }
    const std::string& word = words_[at_++];
    if (left() != 0 && word.size() == 2 && word[0] == '-' && word != "-a" && word != "-o")
      return unary(word[1], words_[at_++]);
    return !word.empty();
  }

  static bool is_binary(std::string_view word) {
    return word == "=" || word == "==" || word == "!=" || word == "-eq" || word == "-ne" ||
           word == "-lt" || word == "-le" || word == "-gt" || word == "-ge";
  }

  Result<bool> binary() {
    const std::string& left = words_[at_];
    const std::string& sign = words_[at_ + 1];
    const std::string& right = words_[at_ + 2];
    at_ += 3;
    if (sign == "=" || sign == "==") return left == right;
    if (sign == "!=") return left != right;
    const std::int64_t a = TRY(number(left));
    const std::int64_t b = TRY(number(right));
    if (sign == "-eq") return a == b;
    if (sign == "-ne") return a != b;
    if (sign == "-lt") return a < b;
    if (sign == "-le") return a <= b;
    return sign == "-gt" ? a > b : a >= b;
  }

  static Result<std::int64_t> number(std::string_view text) {
    const auto value = number_in<std::int64_t>(text);
    if (!value) return Error{EINVAL, "a word that is compared as a number is not one"};
    return *value;
  }

  [[nodiscard]] Result<bool> unary(char sign, const std::string& word) const {
    if (sign == 'n') return !word.empty();
    if (sign == 'z') return word.empty();
    if (sign == 't') return ::isatty(word == "0" ? 0 : word == "1" ? 1 : 2) != 0;
    const bool is_link = sign == 'L' || sign == 'h';
    const std::string path = outside_(word, is_link ? LastLink::kKept : LastLink::kFollowed);
    struct stat found {};
    const bool is_there = (is_link ? ::lstat : ::stat)(path.c_str(), &found) == 0;
    switch (sign) {
      case 'e':
        return is_there;
      case 'f':
        return is_there && S_ISREG(found.st_mode);
      case 'd':
        return is_there && S_ISDIR(found.st_mode);
      case 's':
        return is_there && found.st_size > 0;
      case 'L':
      case 'h':
        return is_there && S_ISLNK(found.st_mode);
      case 'r':
        return is_there && ::access(path.c_str(), R_OK) == 0;
      case 'w':
        return is_there && ::access(path.c_str(), W_OK) == 0;
      case 'x':
        return is_there && ::access(path.c_str(), X_OK) == 0;
      default:
        return Error{EINVAL, "of files it asks -e, -f, -d, -s, -L, -r, -w and -x"};
    }
  }

  const std::vector<std::string>& words_;
  const OutsidePath& outside_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<bool> evaluate_test(const std::vector<std::string>& words, const OutsidePath& outside) {
  return TestEvaluator(words, outside).whole();
}

}  // namespace spindle::cli
