/** One Adam update of `size` numbers: see ApplyAdam in @chainrule/optim. */
export function adam(
  size: i32,
  param: usize,
  grad: usize,
  m: usize,
  v: usize,
  nextParam: usize,
  nextM: usize,
  nextV: usize,
  beta1: f32,
  beta2: f32,
  rate: f32,
  epsilon: f32,
  decay: f32,
): void {
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const c1 = f32x4.splat(1 - beta1);
  const c2 = f32x4.splat(1 - beta2);
  const alpha = f32x4.splat(rate);
  const e = f32x4.splat(epsilon);
  const keep = f32x4.splat(1 - decay);
  let i: usize = 0;
  const bytes = (<usize>size) << 2;
  for (; i + 16 <= bytes; i += 16) {
    const g = v128.load(grad + i);
    const newM = f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(c1, g));
    const newV = f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(c2, f32x4.mul(g, g)));
    const step = f32x4.div(f32x4.mul(alpha, newM), f32x4.add(f32x4.sqrt(newV), e));
    v128.store(nextM + i, newM);
    v128.store(nextV + i, newV);
    v128.store(nextParam + i, f32x4.sub(f32x4.mul(keep, v128.load(param + i)), step));
  }
  for (; i < bytes; i += 4) {
    const g = f32.load(grad + i);
    const newM = beta1 * f32.load(m + i) + (1 - beta1) * g;
    const newV = beta2 * f32.load(v + i) + (1 - beta2) * g * g;
    f32.store(nextM + i, newM);
    f32.store(nextV + i, newV);
    const step = (rate * newM) / (sqrt(newV) + epsilon);
    f32.store(nextParam + i, (1 - decay) * f32.load(param + i) - step);
  }
}
