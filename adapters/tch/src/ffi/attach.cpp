// Custom gradients in libtorch's graph: a value whose backward calls Rust, and a cast from f16 whose gradient stays in range. Also tells
// whether libtorch is recording operations, for autograd or for a module.

#include <ATen/core/ivalue.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

extern "C" {

// Copies a text into memory from malloc(); unifocal_drop_text() frees it.
char* unifocal_text(const char* text, size_t length) {
  auto copy = static_cast<char*>(std::malloc(length + 1));
  if (copy != nullptr) {
    std::memcpy(copy, text, length);
    copy[length] = 0;
  }
  return copy;
}

void unifocal_drop_text(char* text) {
  std::free(text);
}

// Returns the gradient with respect to the first saved tensor, times `upstream`, as a new tensor, or null and a message.
using Gradient =
    at::Tensor* (*)(const void* state, const at::Tensor* const* saved, size_t count, const at::Tensor* upstream, char** message);
using Drop = void (*)(void* state);
}

namespace {

// The state that the forward pass saves for the backward pass.
struct State : torch::CustomClassHolder {
  State(void* of, Gradient gradient, Drop drop, at::Tensor value, variable_list saved)
      : of(of), gradient(gradient), drop(drop), value(std::move(value)), saved(std::move(saved)) {}
  ~State() override {
    drop(of);
  }

  void* of;
  Gradient gradient;
  Drop drop;
  at::Tensor value;
  variable_list saved;
};

// The identity, whose own backward is an error. Without it, a second derivative would silently be incomplete.
struct Once : torch::autograd::Function<Once> {
  static Variable forward(AutogradContext*, const Variable& gradient, const Variable&, const Variable&) {
    return gradient.alias();
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK(false, "unifocal: the fused gradient cannot be differentiated again; use Route::Composed");
  }
};

struct Loss : torch::autograd::Function<Loss> {
  static Variable forward(AutogradContext* context, const Variable&, const c10::intrusive_ptr<State>& state) {
    context->set_materialize_grads(false);
    context->save_for_backward(std::move(state->saved));
    context->saved_data["state"] = c10::IValue::make_capsule(state);
    return std::move(state->value);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    if (!upstream[0].defined()) {
      return {Variable(), Variable()};
    }
    auto saved = context->get_saved_variables();
    std::vector<const at::Tensor*> pointers;
    for (const auto& tensor : saved) {
      pointers.push_back(&tensor);
    }
    auto capsule = context->saved_data["state"].toCapsule();
    auto state = static_cast<const State*>(capsule.get());
    char* message = nullptr;
    std::unique_ptr<at::Tensor> gradient(
        state->gradient(state->of, pointers.data(), pointers.size(), &upstream[0], &message));
    if (gradient == nullptr) {
      std::string text = message == nullptr ? "out of memory" : message;
      unifocal_drop_text(message);
      TORCH_CHECK(false, "unifocal: ", text);
    }
    if (at::GradMode::is_enabled()) {
      return {Once::apply(*gradient, saved[0], upstream[0]), Variable()};
    }
    return {*gradient, Variable()};
  }
};

// Casts f16 to f32. Clamps the gradient, which would otherwise overflow f16. Autograd records the backward like any operation.
struct Widened : torch::autograd::Function<Widened> {
  static Variable forward(AutogradContext*, const Variable& narrow) {
    return narrow.to(at::kFloat);
  }

  static variable_list backward(AutogradContext*, const variable_list& upstream) {
    const double most = std::numeric_limits<at::Half>::max();
    return {upstream[0].clamp(-most, most).to(at::kHalf)};
  }
};

// Returns a new tensor, or null and a message.
template <class Make>
at::Tensor* made(char** message, Make make) {
  try {
    return new at::Tensor(make());
  } catch (const std::exception& error) {
    *message = unifocal_text(error.what(), std::strlen(error.what()));
    return nullptr;
  }
}

} // namespace

// Registers `value` as a function of the first saved tensor. Returns a new tensor, or null and a message. Takes ownership of `of` and drops
// it with the graph.
extern "C" at::Tensor* unifocal_attach(
    const at::Tensor* value,
    const at::Tensor* const* saved,
    size_t count,
    void* of,
    Gradient gradient,
    Drop drop,
    char** message) {
  return made(message, [&] {
    auto state = c10::make_intrusive<State>(of, gradient, drop, *value, variable_list());
    for (size_t i = 0; i < count; i++) {
      state->saved.push_back(*saved[i]);
    }
    return Loss::apply(*saved[0], state);
  });
}

// Casts f16 to f32. Returns a new tensor, or null and a message.
extern "C" at::Tensor* unifocal_widened(const at::Tensor* narrow, char** message) {
  return made(message, [&] { return Widened::apply(*narrow); });
}

// Whether this thread's operations are traced into a module.
extern "C" bool unifocal_is_tracing() {
  return torch::jit::tracer::isTracing();
}

// Whether this thread's operations are recorded for autograd.
extern "C" bool unifocal_is_recording() {
  return c10::GradMode::is_enabled();
}
