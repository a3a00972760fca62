// Runs two halves of the work in parallel on libtorch's own threads. Those spin for a while when idle, so further threads would compete
// with them for the processor.

#include <ATen/Parallel.h>

using Run = void (*)(void* context);

// Runs the root of the work and lets its halves use all of libtorch's threads.
extern "C" void unifocal_root(void* context, Run run) {
#pragma omp parallel num_threads(at::get_num_threads())
#pragma omp single
  run(context);
}

// Runs both halves. Must be called from within the root.
extern "C" void unifocal_fork(void* first, void* second, Run run) {
#pragma omp task firstprivate(second, run)
  run(second);
  run(first);
#pragma omp taskwait
}
