// Two halves of the work at the same time, by the threads that libtorch uses: others would compete with them for the processor, since
// they wait for a while by spinning.

#include <ATen/Parallel.h>

using Run = void (*)(void* context);

// Runs the root of the work, whose halves may run on all of libtorch's threads.
extern "C" void unifocal_root(void* context, Run run) {
#pragma omp parallel num_threads(at::get_num_threads())
#pragma omp single
  run(context);
}

// Runs both halves from within the root.
extern "C" void unifocal_fork(void* first, void* second, Run run) {
#pragma omp task firstprivate(second, run)
  run(second);
  run(first);
#pragma omp taskwait
}
