// What dense.cc and adam.cc and their loops share of Adam's update.
#pragma once

struct Adam {
  float rate, epsilon, keep, toward_mean, toward_square;
};

// One weight, by its gradient.
static inline void adam_step(float g, float* w, float* m, float* v, const Adam& adam) {
  const float mean = *m + (g - *m) * adam.toward_mean;
  const float square = *v + (g * g - *v) * adam.toward_square;
  *m = mean;
  *v = square;
  *w = *w * adam.keep - mean * adam.rate / (__builtin_sqrtf(square) + adam.epsilon);
}
