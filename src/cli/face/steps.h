// Exercises that are a list of operations, one after the other: semaphores, buffers, signals. What
// holds after each of them is what the solver answers to the operations so far; the picture shows
// it as a table with a column for each operation.
#pragma once

#include "cli/face/face.h"
#include "spindle/base/random.h"

namespace spindle::cli {

class StepsForm : public Form {
 public:
  /// A row of the picture: a quantity of the answer.
  struct Quantity {
    std::string_view key;
    std::string_view title;
  };

  StepsForm(std::string_view domain, std::vector<FacePolicy> policies,
            std::vector<FaceParameter> parameters, std::vector<Quantity> quantities)
      : domain_(domain),
        policies_(std::move(policies)),
        parameters_(std::move(parameters)),
        quantities_(std::move(quantities)) {}

  [[nodiscard]] std::string domain(const Json&) const override { return std::string(domain_); }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override { return policies_; }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    return parameters_;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override;
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override;
  void finish(Solved& solved) const override;
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 protected:
  /// Makes the parts of a row into an operation of a case; null if they are not one.
  [[nodiscard]] virtual Json operation(const std::vector<std::string>& parts) const = 0;
  /// The operation as a person writes it.
  [[nodiscard]] virtual std::string text_of(const Json& operation) const = 0;
  /// An operation drawn by the generator; `at` is its place in the list.
  [[nodiscard]] virtual Json drawn(Random& random, std::size_t at) const = 0;
  /// What happened: the clause after "A P: ".
  [[nodiscard]] virtual std::string why(const Json& operation, const Json& before,
                                        const Json& after) const = 0;
  /// How the exercise begins, and what it asks for.
  [[nodiscard]] virtual std::string setting(const Json& problem) const = 0;

 private:
  std::string_view domain_;
  std::vector<FacePolicy> policies_;
  std::vector<FaceParameter> parameters_;
  std::vector<Quantity> quantities_;
};

}  // namespace spindle::cli
