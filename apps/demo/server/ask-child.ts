// A process that answers questions, and knows the data and the models, so that native calls never
// keep the server from hearing its clients. It ends with its parent.
import { useNative } from '@chainrule/backend-node/backend';
import { ChainruleError, isChainruleError } from '@chainrule/tensor';
import { loadModel } from '@chainrule/trainer/node';
import { type Asker, asker } from '../src/lab/answer.js';
import { inspectModel } from '../src/lab/inspection.js';
import { compose } from '../src/lab/recipe.js';
import { SIDE } from '../src/lab/sizes.js';
import { type AskCommand, askCommand, type Loaded, type Results } from './messages.js';
import { drawing, openRetrieval, type Retrieval } from './retrieval.js';
import { png, reference, samples } from './samples.js';
import { taskData } from './task.js';

const backend = useNative();
let shown: ReturnType<typeof samples> | undefined;
let current: Asker | undefined;
let retrieval: Retrieval | undefined;

process.on('disconnect', () => process.exit());
process.on('message', async (message) => {
  const command = askCommand.parse(message);
  const { id } = command;
  try {
    process.send?.({ id, result: await handle(command) });
  } catch (error) {
    if (!isChainruleError(error)) console.error(error);
    process.send?.({ id, error: (error as Error).message });
  }
});

// The parent may have gone while this file was loading, unheard.
if (!process.connected) process.exit();

async function handle(command: AskCommand): Promise<Results[keyof Results]> {
  const { name } = await backend;
  switch (command.type) {
    case 'samples': {
      const list = (await pictures()).map(async (picture) => ({
        id: picture.id,
        png: await png(picture),
        questions: picture.questions,
      }));
      return { backend: name, samples: await Promise.all(list) };
    }
    case 'load':
      return load(command.folder);
    case 'inspect': {
      const { tokenizer, train } = await taskData();
      const vocabulary = tokenizer.vocabulary.length;
      const model = compose(command.fusion, { vocabulary, classes: train.classes!.length });
      return inspectModel(model, {
        image: { shape: [SIDE, SIDE, 3], dtype: 'float32' },
        text: { shape: [tokenizer.maxLength], dtype: 'int32' },
      });
    }
    case 'answer': {
      if (current === undefined) throw new ChainruleError('NO_MODEL', 'no model is loaded');
      return current.answerAll(
        command.questions.map(({ pixels, text }) => ({
          pixels: new Uint8ClampedArray(pixels),
          text,
        })),
      );
    }
    case 'openSearch':
      retrieval = await openRetrieval(command.folder);
      return { imageSize: retrieval.imageSize };
    case 'search':
      if (retrieval === undefined) throw new ChainruleError('NO_MODEL', 'search is not open');
      return retrieval.search(command.query);
    case 'drawing':
      return (await drawing(command.index)) ?? null;
  }
}

async function load(folder: string): Promise<Loaded> {
  const trained = await loadModel(folder);
  const takes = Object.keys(trained.model.encoders).sort().join();
  const size = (trained.imageSize ?? []).join();
  if (takes !== 'image,text' || size !== `${SIDE},${SIDE}`) {
    throw new ChainruleError(
      'MODEL_FILE',
      `demo: the model must take pictures of ${SIDE}×${SIDE} and questions, got ${takes} and ${size}; give one that npm start made`,
    );
  }
  const next = asker(trained, reference(await pictures()));
  current?.dispose();
  current = next;
  const { accuracy, fusion } = trained.about ?? {};
  return {
    fusion: typeof fusion === 'string' ? fusion : trained.model.fusion.config.type,
    ...(typeof accuracy === 'number' && { accuracy }),
  };
}

async function pictures() {
  shown ??= samples((await taskData()).test);
  return shown;
}
