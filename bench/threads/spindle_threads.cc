// Spindle's threads under the benchmarks.
#include "spindle_adapter.h"
#include "suite.h"

int main(int argc, char** argv) {
  return thread_bench::run_all<SpindleThreads>(argc, argv);
}
