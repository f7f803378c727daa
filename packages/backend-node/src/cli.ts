import { installNative } from './install.js';
export async function main(args: string[]): Promise<number> {
  let last = '';
  const result = await installNative({
    onProgress: (p) => {
      const line = `${p.message} ${p.fraction === undefined ? '' : Math.floor(p.fraction * 10) * 10}`;
      if (line !== last) console.log(line);
      last = line;
    },
  });
  console.log(result);
  return 0;
}
