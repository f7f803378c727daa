/**
 * The article, line by line: features of a picture and of a text, fused by a sum, and gradient
 * descent by the chain rule, first on the fused vector and then on the networks that made it.
 */
import { useNative } from '@chainrule/backend-node/backend';
import { article as cnn } from '@chainrule/encoders-image';
import { fitWordTokenizer, article as lstm } from '@chainrule/encoders-text';
import { sum } from '@chainrule/fusion';
import { halfSquaredError } from '@chainrule/losses';
import { descend, sgd, valueAndGrad } from '@chainrule/optim';
import { key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { draw, type Scene } from './pictures.js';
import { check, largestDifference, table } from './print.js';

const backend = await useNative({ training: true });
// The article's pictures are 64 × 64; plain JavaScript takes smaller ones.
const side = backend.name === 'tensorflow' ? 64 : 16;

// Two pictures, and a text that says what each shows.
const scenes: Scene[] = [
  { colour: 'red', shape: 'circle' },
  { colour: 'blue', shape: 'square' },
];
const texts = scenes.map(({ colour, shape }) => `The picture shows a ${colour} ${shape}.`);

const pixels = draw(scenes, side);
const tokenizer = fitWordTokenizer(texts);
const ids = tf.tensor2d(tokenizer.encodeBatch(texts), [texts.length, tokenizer.maxLength], 'int32');

// x: the feature vector that a CNN makes of each picture.
const imageEncoder = cnn({ size: [side, side] });
const imageParams = imageEncoder.init(key(1));
const x = imageEncoder.apply(imageParams, pixels).vector;

// y: the feature vector that an LSTM makes of each text.
const textEncoder = lstm({ vocabulary: tokenizer.vocabulary.length });
const textParams = textEncoder.init(key(2));
const y = textEncoder.apply(textParams, ids).vector;

// z = x + y
const fusion = sum({ widths: { image: imageEncoder.width, text: textEncoder.width } });
const z = fusion.apply({}, { image: { vector: x }, text: { vector: y } });

// L = ½‖z − y‖²
const loss = (z: tf.Tensor2D) => halfSquaredError(z, y);

// ∂L/∂z = z − y
const { value: L, grads: dLdz } = valueAndGrad(loss)(z);
console.log(`x, y and z are [${z.shape.join(', ')}]; L = ${L.dataSync()[0]!.toFixed(4)}`);
check(
  '∂L/∂z, found by automatic differentiation, is z − y; largest difference',
  largestDifference(dLdz, tf.sub(z, y)),
  0,
);

// z ← z − α(z − y), until z no longer moves. In closed form: zₖ = y + (1 − α)ᵏ(z₀ − y).
const alpha = 0.1;
const closedForm = (k: number) => tf.add(y, tf.mul((1 - alpha) ** k, tf.sub(z, y)));
let deviation = 0;
const onZ = await descend(loss, z, sgd({ learningRate: alpha }), {
  gradientTolerance: 1e-4,
  onStep: ({ step, tree }) => {
    tf.tidy(() => {
      deviation = Math.max(deviation, largestDifference(tree, closedForm(step)));
    });
  },
});
console.log(`\nz ← z − α(z − y) with α = ${alpha}: converged after ${onZ.steps} steps`);
table(onZ.history);
check('every zₖ is y + (1 − α)ᵏ(z₀ − y); largest difference', deviation, 1e-5);
check('z has become y; largest difference', largestDifference(onZ.tree, y), 1e-4);

// The same descent on the parameters: the chain rule carries ∂L/∂z on to every weight of the CNN
// and the LSTM. The target y stays what the LSTM said at first. The CNN's gradient grows with the
// number of pixels, so the step shrinks with it.
const model = (params: { image: typeof imageParams; text: typeof textParams }) =>
  fusion.apply(
    {},
    {
      image: imageEncoder.apply(params.image, pixels),
      text: textEncoder.apply(params.text, ids),
    },
  );
const onParams = await descend(
  (params) => loss(model(params)),
  { image: imageParams, text: textParams },
  sgd({ learningRate: 0.0025 / side ** 2 }),
  { steps: 20 },
);
console.log(`\nθ ← θ − α ∂L/∂θ on the parameters of both networks: ${onParams.steps} steps`);
table(onParams.history);
check('the loss has fallen to this part of what it was', onParams.loss / onParams.history[0]!, 0.5);
