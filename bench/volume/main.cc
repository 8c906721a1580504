// bench_volume: does one operation to a directory, and prints how long it took.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "bench/volume/workload.h"
#include "spindle/base/size_text.h"

namespace spindle::bench {
namespace {

using Operation = Result<Outcome> (*)(const Workload&);

const std::map<std::string, Operation> kOperations = {
    {"write", write_data},      {"read", read_data},        {"create", create_files},
    {"stat", stat_files},       {"list", list_directories}, {"list-attributes", list_attributes},
    {"read-files", read_files}, {"link", link_files},       {"rename", rename_files},
    {"unlink", unlink_links},   {"remove", remove_files},
};

const std::map<std::string, Sync> kSyncs = {
    {"never", Sync::kNever}, {"end", Sync::kAtEnd}, {"each", Sync::kEach}};

template <class Value>
std::string names_of(const std::map<std::string, Value>& table) {
  std::string names;
  for (const auto& [name, value] : table) names += (names.empty() ? "" : ", ") + name;
  return names;
}

CLI::Option* size_option(CLI::App& app, const std::string& name, std::uint64_t& into,
                         const std::string& what) {
  return app.add_option_function<std::string>(
      name,
      [&into, name](const std::string& text) {
        const Result<std::uint64_t> size = parse_size(text);
        if (!size.ok() || *size == 0) throw CLI::ValidationError(name, "'" + text + "' is no size");
        into = *size;
      },
      what);
}

struct Request {
  Workload workload;
  std::string operation;
  std::string sync = "never";
};

void add_options(CLI::App& app, Request& request) {
  Workload& workload = request.workload;
  app.add_option("OPERATION", request.operation, names_of(kOperations))
      ->required()
      ->check(CLI::IsMember(kOperations));
  app.add_option("DIRECTORY", workload.directory, "where")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--jobs", workload.jobs, "how many at once (1)")->check(CLI::Range(1, 256));
  app.add_option("--seed", workload.seed, "of what is at random (1)");
  app.add_option("--sync", request.sync, "fsync: " + names_of(kSyncs) + " (never)")
      ->check(CLI::IsMember(kSyncs));
  size_option(app, "--file-size", workload.file_size, "of a file of data (64M)");
  size_option(app, "--request-size", workload.request_size, "of one read or write (128K)");
  app.add_option("--requests", workload.requests, "of each job, with --random (1000)");
  app.add_flag("--random", workload.random, "requests go to random places");
  app.add_flag("--direct", workload.direct, "with O_DIRECT");
  app.add_option("--files", workload.files, "small files (20000)")->check(CLI::PositiveNumber);
  app.add_option("--directories", workload.directories, "that they are spread over (20)")
      ->check(CLI::PositiveNumber);
  app.add_option("--sample", workload.sample, "so many small files at random, not all in order");
  app.add_option("--small-size", workload.small_size, "bytes of a small file (1024)");
}

int run(int count, char** arguments) {
  CLI::App app{"Does one operation to a directory, and prints as JSON how long it took."};
  Request request;
  add_options(app, request);
  CLI11_PARSE(app, count, arguments);
  request.workload.sync = kSyncs.at(request.sync);
  if (request.workload.request_size > request.workload.file_size) {
    fmt::print(stderr, "bench_volume: a request is larger than the file: raise --file-size\n");
    return 2;
  }
  const Result<Outcome> outcome = kOperations.at(request.operation)(request.workload);
  if (!outcome.ok()) {
    fmt::print(stderr, "bench_volume: {} in {}: {}\n", request.operation,
               request.workload.directory, outcome.error().describe());
    return 1;
  }
  fmt::print("{{\"seconds\": {:.9f}, \"operations\": {}, \"bytes\": {}}}\n", outcome->seconds,
             outcome->amount.operations, outcome->amount.bytes);
  return 0;
}

}  // namespace
}  // namespace spindle::bench

int main(int count, char** arguments) {
  return spindle::bench::run(count, arguments);
}
